//! A residual network that is recorded, killed, resumed, forked, packed and verified.

use revacnn_recorder::{Replay, Session, VerifyPlan, verify};
use revacnn_schemas::{Fidelity, Step};
use revacnn_store::{BranchReader, Lineage, Pack, PackContents, RecorderOptions, Store};
use revacnn_test_support::{SmallRun, advance, name, network};

/// Both ways to read several layers, and a layer that reads an earlier one.
const NETWORK: &str = r#"
    [[layer]]
    kind = "conv"
    filters = 3
    kernel = 3
    pad = 1
    activation = "relu"
    [[layer]]
    kind = "conv"
    filters = 3
    kernel = 3
    pad = 1
    [[layer]]
    kind = "batchnorm"
    [[layer]]
    kind = "add"
    reads = ["batchnorm1", "conv1"]
    [[layer]]
    kind = "activation"
    function = "relu"
    [[layer]]
    kind = "conv"
    filters = 2
    kernel = 3
    stride = 2
    pad = 1
    activation = "relu"
    [[layer]]
    kind = "conv"
    filters = 2
    kernel = 1
    stride = 2
    reads = ["conv1"]
    [[layer]]
    kind = "concat"
    reads = ["conv3", "conv4"]
    [[layer]]
    kind = "softmax"
"#;

fn small() -> SmallRun {
    SmallRun {
        network: network(NETWORK),
        options: RecorderOptions { segment_steps: 16, ..RecorderOptions::default() },
        ..SmallRun::default()
    }
}

fn verified(store: &Store, branch: &str) {
    let lineage = Lineage::open(store, &name(branch)).unwrap();
    let plan = VerifyPlan { span: None, threads: 2, quick: false };
    verify(store, &lineage, plan, &small().data(), &|_| {}).unwrap();
}

#[test]
fn a_residual_network_is_resumed_forked_packed_and_verified_to_the_bit() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::create(folder.path().join("runs"), 0).unwrap();
    {
        // Killed: what was not committed is lost.
        let mut session = small().open(&store, "main");
        advance(&mut session, 23);
    }
    let record = store.branch(&name("main")).unwrap();
    let reads: Vec<usize> = record.topology.layers.iter().map(|layer| layer.reads.len()).collect();
    assert_eq!(reads, [0, 0, 0, 2, 0, 0, 1, 2, 0], "branch.json says what each layer reads");
    assert_eq!(record.definition().unwrap().network.layers[3].reads.len(), 2);
    let mut session = Session::resume(&store, &record, 2, small().options, small().data()).unwrap();
    advance(&mut session, 40);
    session.finish().unwrap();
    let whole = small().recorded(&folder.path().join("whole"), 40);
    let digest = |store: &Store, branch: &str, step| {
        Lineage::open(store, &name(branch)).unwrap().step_row(Step(step)).unwrap().digest
    };
    assert_eq!(digest(&store, "main", 40), digest(&whole, "main", 40), "as one that nobody killed");
    verified(&store, "main");

    // The maps of a sum are recorded: of three channels, one for each filter that is added.
    let reader = BranchReader::open(&store, &name("main")).unwrap();
    let tensors = reader.seek(Step(30)).unwrap();
    for (layer, values) in [("conv1", 3 * 64), ("conv2", 3 * 64), ("add1", 3 * 64), ("concat1", 4 * 16)] {
        let block = tensors.block(&layer.parse().unwrap()).next().unwrap();
        assert_eq!((block.activations.len(), block.gradients.len()), (values, values), "{layer}");
    }
    let sum = tensors.block(&"add1".parse().unwrap()).next().unwrap();
    assert!(sum.activations.iter().all(|value| *value >= 0.0), "with what follows it per channel");
    drop(reader);

    small().fork(&store, ("main", 21), "narrow", &["remove-filter conv1/1", "add-filter conv3"], 45);
    let narrow = store.branch(&name("narrow")).unwrap();
    let numbers = |layer: &str| -> Vec<(u32, bool)> {
        let found = narrow.topology.layers.iter().find(|found| found.layer.as_str() == layer).unwrap();
        found.filters.iter().map(|filter| (filter.number.0, filter.born.as_ref() == Some(&narrow.id))).collect()
    };
    for layer in ["conv1", "conv2", "batchnorm1", "add1"] {
        assert_eq!(numbers(layer), [(0, false), (2, false)], "{layer}");
    }
    assert_eq!(numbers("concat1"), [(0, false), (1, false), (4, true), (2, false), (3, false)]);
    verified(&store, "narrow");
    // Every coefficient that both have is compared with what it is, by what it reads.
    let [left, right] = ["main", "narrow"].map(|branch| Lineage::open(&store, &name(branch)).unwrap());
    let [ours, theirs] = [&left, &right].map(|lineage| lineage.holder(Step(21)).unwrap().seek(Step(21)).unwrap());
    let shared = left.branch().topology.shared_coefficients(&right.branch().topology, &"softmax".parse().unwrap());
    let (length, longer) = (4 * 16, 5 * 16);
    assert_eq!(shared.as_ref().map(Vec::len), Some(length));
    for (here, there) in shared.unwrap() {
        let [ours, theirs] =
            [&ours, &theirs].map(|tensors| &tensors.layer(&"softmax".parse().unwrap()).unwrap().weights);
        assert_eq!(ours[length + here].to_bits(), theirs[longer + there].to_bits());
    }
    drop((left, right));

    let path = folder.path().join("narrow.tar");
    store.pack(&name("narrow"), PackContents::Thin, &path, &mut |_, _| {}).unwrap();
    let other = Store::create(folder.path().join("theirs"), 0).unwrap();
    Pack::open(&path).unwrap().unpack(&other, &mut |_, _| {}).unwrap();
    let thin = Lineage::open(&other, &name("narrow")).unwrap();
    assert_eq!(thin.branch().recording.fidelity, Fidelity::Keyframes);
    verified(&other, "narrow");
    let read = |store: &Store| {
        let reader = BranchReader::open(store, &name("narrow")).unwrap();
        Replay::new(reader).with_data(small().data(), 1).tensors(Step(37)).unwrap()
    };
    assert_eq!(format!("{:?}", read(&other)), format!("{:?}", read(&store)));
}
