//! Files of strangers: one test per way in which they can be wrong.

use std::io::{Cursor, Write};

use half::{bf16, f16};
use revacnn_trainer::exchange::Format;
use safetensors::serialize;
use safetensors::tensor::{Dtype, TensorView};
use serde_json::json;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::support::{exported, read, trained};

fn refused(bytes: &[u8]) -> String {
    let message = read(bytes).map(|arrays| format!("{arrays:?}")).expect_err("a refusal");
    assert!(!message.contains(char::is_control), "{message:?}");
    message
}

fn safetensors(header: &str, values: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), values].concat()
}

/// An array of numpy.save.
fn npy(descriptor: &str, fortran: bool, shape: &str, values: &[u8]) -> Vec<u8> {
    let order = if fortran { "True" } else { "False" };
    let header = format!("{{'descr': {descriptor}, 'fortran_order': {order}, 'shape': {shape}, }}\n");
    [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), values].concat()
}

fn zip(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        archive.start_file(*name, SimpleFileOptions::default()).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

#[test]
fn numbers_of_other_widths_and_orders_become_float32_and_that_is_said() {
    let numbers = [0.5_f32, -2.0];
    let of = |bytes: Vec<Vec<u8>>| bytes.concat();
    let views = [
        (Dtype::F16, of(numbers.map(|value| f16::from_f32(value).to_le_bytes().to_vec()).into())),
        (Dtype::BF16, of(numbers.map(|value| bf16::from_f32(value).to_le_bytes().to_vec()).into())),
        (Dtype::F32, of(numbers.map(|value| value.to_le_bytes().to_vec()).into())),
        (Dtype::F64, of(numbers.map(|value| f64::from(value).to_le_bytes().to_vec()).into())),
    ];
    let named = views
        .iter()
        .map(|(dtype, bytes)| (format!("{dtype:?}.weight"), TensorView::new(*dtype, vec![2], bytes).unwrap()));
    let found = read(&serialize(named, None).unwrap()).unwrap();
    assert_eq!(found.iter().count(), 4);
    assert!(found.iter().all(|(_, array)| array.values == numbers));
    assert_eq!(
        found.notes(),
        [
            "1 array of bfloat16 widened to float32",
            "1 array of float16 widened to float32",
            "1 array of float64 rounded to float32"
        ]
    );
    let big = of(numbers.map(|value| f64::from(value).to_be_bytes().to_vec()).into());
    let columns: Vec<u8> = [0.0_f32, 3.0, 1.0, 4.0, 2.0, 5.0].iter().flat_map(|value| value.to_le_bytes()).collect();
    let found = read(&zip(&[
        ("a.weight.npy", npy("'>f8'", false, "(2,)", &big)),
        ("b.weight.npy", npy("'<f4'", true, "(2, 3)", &columns)),
    ]));
    let found = found.unwrap();
    assert_eq!(found.get("a.weight").unwrap().values, numbers);
    assert_eq!(found.get("b.weight").unwrap().values, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0], "the last axis is fastest");
}

#[test]
fn what_another_program_keeps_beside_the_arrays_is_left_aside() {
    let counter = 7_i64.to_le_bytes();
    let one = 0.5_f32.to_le_bytes();
    let file = serialize(
        [
            ("bn1.num_batches_tracked", TensorView::new(Dtype::I64, vec![], &counter).unwrap()),
            ("bn1.weight", TensorView::new(Dtype::F32, vec![1], &one).unwrap()),
        ],
        None,
    );
    let found = read(&file.unwrap()).unwrap();
    assert_eq!(found.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["bn1.weight"]);
    assert_eq!(found.notes(), ["1 array of an optimizer, or counters, left aside"]);
}

#[test]
fn pickles_are_refused_with_what_to_do_instead() {
    let pickled = [b"\x80\x02}q\x00(X\x0c\x00\x00\x00conv1.weightq\x01".to_vec(), vec![0; 40]].concat();
    let archive = zip(&[("model/data.pkl", pickled.clone()), ("model/data/0", vec![0; 8])]);
    for bytes in [pickled, archive] {
        let message = refused(&bytes);
        assert!(message.contains("is a pickle of Python, which runs code when it is read"), "{message}");
        assert!(message.contains("safetensors.torch.save_file(model.state_dict()"), "{message}");
    }
    let message = refused(&zip(&[("conv1.weight.npy", npy("'|O'", false, "(1,)", b"\x80\x04K\x01."))]));
    assert!(message.contains("is a pickle") && message.contains("numpy.savez"), "{message}");
    assert!(refused(&npy("'|O'", false, "(1,)", b"\x80\x04")).contains("a single array"));
    assert!(refused(b"\x89HDF\r\n\x1a\n").contains("HDF5"));
    assert!(refused(b"").contains("0 bytes"));
}

#[test]
fn a_header_that_promises_what_is_not_there_is_refused_before_anything_is_made() {
    for (header, says) in [
        (safetensors("{}", &[])[..5].to_vec(), "5 bytes"),
        (u64::MAX.to_le_bytes().repeat(2), "a header of 18446744073709551615 bytes in a file of 16"),
        ((1_u64 << 25).to_le_bytes().repeat(2), "a header of 33554432 bytes"),
        (safetensors("{]", &[]), "invalid JSON"),
        (
            safetensors(
                r#"{"a.weight":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}"#,
                &[0; 4],
            ),
            "overflow",
        ),
        (safetensors(r#"{"a.weight":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, &[0; 4]), "invalid"),
        (safetensors(r#"{"a.weight":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, &[0; 3]), "incomplete"),
        (safetensors(r#"{"a.weight":{"dtype":"I32","shape":[1],"data_offsets":[0,4]}}"#, &[0; 4]), "I32 [1]"),
        (
            safetensors(r#"{"a\u001b[2J":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, &[0; 4]),
            "names of arrays of 1 to 200 letters",
        ),
        (
            safetensors(r#"{"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}}"#, &[0; 4]),
            "at most 8 axes",
        ),
    ] {
        let message = refused(&header);
        assert!(message.contains(says), "{says}: {message}");
    }
    let deep = "[".repeat(100_000);
    refused(&safetensors(&format!("{{\"a\":{deep}"), &[]));
    refused(format!("{{\"layers\":{deep}").as_bytes());
    let wide = 1e300_f64.to_le_bytes();
    let view = TensorView::new(Dtype::F64, vec![1], &wide).unwrap();
    assert!(refused(&serialize([("a.weight", view)], None).unwrap()).contains("float32 can hold"));
}

#[test]
fn an_archive_that_promises_more_than_it_has_is_refused() {
    let values = [0; 8];
    for (name, bytes, says) in [
        (
            "a.weight.npy",
            npy("'<f4'", false, "(3,)", &values),
            "expected 12 bytes behind the header of a.weight [3], found 8",
        ),
        ("a.weight.npy", npy("'<f4'", false, "(1,)", &values), "expected 4 bytes"),
        ("a.weight.npy", npy("'<f4'", false, "(1000000000000,)", &values), "at most 268435456 values"),
        (
            "a.weight.npy",
            npy("'<f4'", true, "(1099511627776, 0, 1099511627776)", &[]),
            "arrays with values, found a.weight [1099511627776][0][1099511627776]",
        ),
        ("a.weight.npy", npy("'<i4'", false, "(2,)", &values), "float16, float32 or float64 in a.weight"),
        ("a.weight.npy", npy("'<f4'", false, "(2,)", &values)[..40].to_vec(), "a.weight.npy that numpy.save wrote"),
        ("a.weight.npy", b"not one".to_vec(), "a.weight.npy that numpy.save wrote"),
        ("readme.txt", b"hello".to_vec(), "entries that end in .npy"),
    ] {
        let message = refused(&zip(&[(name, bytes)]));
        assert!(message.contains(says), "{says}: {message}");
    }
    let whole = zip(&[("a.weight.npy", npy("'<f4'", false, "(2,)", &values))]);
    for length in 2..whole.len() {
        refused(&whole[..length]);
    }
}

/// A gigabyte of zeros is a megabyte of an archive.
#[test]
fn a_bomb_is_refused_by_what_it_promises() {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    archive.start_file("a.weight.npy", SimpleFileOptions::default()).unwrap();
    archive.write_all(&npy("'<f4'", false, "(300000000,)", &[])).unwrap();
    let zeros = vec![0; 1 << 20];
    for _ in 0..64 {
        archive.write_all(&zeros).unwrap();
    }
    let bytes = archive.finish().unwrap().into_inner();
    assert!(bytes.len() < 1 << 17);
    assert!(refused(&bytes).contains("at most 268435456 values in all"));
}

#[test]
fn a_network_of_convnetjs_that_does_not_add_up_is_refused() {
    let layers = json!([{"kind": "conv", "filters": 2, "kernel": 3, "activation": "relu"}]);
    let text = String::from_utf8(exported(&trained(layers, 1), Format::ConvNetJs)).unwrap();
    read(text.as_bytes()).unwrap();
    for (from, to, says) in [
        (
            "\"num_inputs\":84",
            "\"num_inputs\":83",
            "expected a size of the layer before that gives the inputs of layer 3",
        ),
        ("\"out_sx\":7", "\"out_sx\":8", "gives the inputs of layer 3"),
        ("\"w\":[", "\"w\":[0.5,", "of layer 1"),
        ("\"w\":[", "\"w\":[null,", "expected f32"),
        ("\"filters\":", "\"filters\":[],\"old\":", "filters of layer 1, found none"),
        ("\"biases\":", "\"other\":", "biases of layer 1, found none"),
        ("{\"layers\"", "{\"layer\"", "layers"),
        ("\"sx\":3", "\"sx\":-3", "a network of ConvNetJS in JSON"),
    ] {
        let message = refused(text.replace(from, to).as_bytes());
        assert!(message.contains(says), "{from} → {to}: {message}");
    }
    // As a browser writes an array of floats.
    let mut value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let biases = &mut value["layers"][1]["biases"]["w"];
    *biases = json!({"0": biases[0], "1": biases[1]});
    assert_eq!(read(value.to_string().as_bytes()).unwrap(), read(text.as_bytes()).unwrap());
    // A filter of no value, over more channels than there are numbers to count them by.
    let mut value: serde_json::Value = serde_json::from_str(&text).unwrap();
    value["layers"][1]["filters"] = json!([{"depth": 1_000_000_000_000_000_000_u64, "sx": 0, "sy": 0, "w": []}]);
    value["layers"][1]["biases"] = json!({"depth": 1, "sx": 1, "sy": 1, "w": [0.0]});
    let message = refused(value.to_string().as_bytes());
    assert!(message.contains("arrays with values, found 1.weight [1][1000000000000000000][0][0]"), "{message}");
}
