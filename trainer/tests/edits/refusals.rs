//! Every refusal gives the reason.

use revacnn_schemas::{Change, Edit, Setting};
use serde_json::json;

use crate::support::{edits, layers, refused, trained};

#[test]
fn every_refusal_says_what_was_meant_and_what_there_is() {
    let parent = trained(layers(), 1);
    for (text, reason) in [
        (
            "add-filter conv9",
            "cannot add-filter conv9: there is no layer conv9; layers that have filters: conv1, conv2, fc1",
        ),
        ("add-filter softmax", "softmax has a filter a class, and the number of classes is fixed"),
        (
            "add-filter batchnorm1",
            "batchnorm1 is of kind batchnorm and has no filters of its own; its channels are the filters of conv1",
        ),
        (
            "remove-filter pool2/1",
            "pool2 is of kind pool and has no filters of its own; its channels are the filters of conv2",
        ),
        ("remove-filter conv1/9", "conv1 has no filter 9; it has 0–4"),
        ("duplicate-filter conv2/7", "conv2 has no filter 7; it has 0–3"),
        ("add-filter conv1 count=19 init=gradmax", "count must be at most 18, found 19"),
        ("reinitialise pool1", "pool1 is of kind pool and has no weights; its channels are the filters of conv1"),
        (
            "freeze conv9",
            "there is no layer conv9; layers that have weights: conv1, batchnorm1, conv2, fc1, batchnorm2, softmax",
        ),
        ("unfreeze conv1", "cannot unfreeze conv1: conv1 is not frozen"),
        ("unfreeze conv1/2", "conv1/2 is not frozen"),
        ("set-weights conv2/1 a.npy", "conv2/1 has [5][3][3] = 45 coefficients, found 18"),
        ("set-weights fc1/1 a.npy", "fc1/1 has [4][1][1] = 4 coefficients, found 18"),
        ("load-weights a.npz layer=conv9", "there is no layer conv9; layers that have weights: conv1, batchnorm1"),
        ("load-weights a.npz layer=pool1", "pool1 is of kind pool and has no weights"),
        ("load-weights a.npz layer=conv2", "the arrays do not fit the network: conv2 [4][5][3][3] is not in the file"),
        ("load-weights a.npz", "fc1 [6][4] is not in the file; batchnorm2 [6] is not in the file"),
        ("drop-images 9", "cannot drop-images 9: image 9 is held out for validation, as every 10th is"),
        ("drop-images 140-150", "there is no image 150: the data set's training part has images 0 to 149"),
        ("drop-images 0-148", "0 images would be left to train on: expected at least a batch, which has 12"),
        ("relabel 3 cat", "there is no class `cat`: there is class 0, class 1, class 2, class 3"),
        ("relabel 3 class:4", "there is no class `class:4`"),
        ("relabel 3 'class 3'", "the label of the image is what is given already"),
        ("weight-images 3 1", "the weight of each image is what is given already"),
        ("weight-images 0-148 0", "all images that are trained on would have weight 0"),
        ("insert-layer softmax after=fc1", "one class layer"),
        ("insert-layer relu after=fc1", "there is no layer kind `relu`; there are: conv, pool"),
        ("insert-layer conv after=softmax kernel=1", "nothing can follow the class layer softmax"),
        ("insert-layer conv after=conv9 kernel=1", "there is no layer conv9; the layers are: conv1, batchnorm1"),
        ("insert-layer conv after=conv1", "kernel"),
        ("insert-layer pool after=pool2 kernel=9", "layer pool3 (pool): a window of 9×9"),
        ("insert-layer conv after=conv1 kernel=3 name=input", "stands for the images"),
        ("insert-layer conv after=conv1 kernel=3 name=fc1", "there is a layer of that name already"),
        (
            "insert-layer conv after=conv1 kernel=3 filters=6 init=identity",
            "as many filters as channels reach the layer, 5, found 6",
        ),
        ("insert-layer conv after=conv1 kernel=2 init=identity", "odd kernel, which has a centre, found 2"),
        (
            "insert-layer conv after=conv1 kernel=3 stride=2 init=identity",
            "stride 1 and pad 1, so that maps keep their size, found stride 2",
        ),
        ("insert-layer conv after=conv1 kernel=3 activation=tanh init=identity", "tanh applied twice is not tanh"),
        ("insert-layer conv after=conv1 kernel=3 activation=relu init=identity", "is not the output of a relu"),
        (
            "insert-layer fully-connected after=fc1 units=5 init=identity",
            "as many units as values reach the layer, 6, found 5",
        ),
        ("insert-layer batchnorm after=conv1 init=identity", "leave init=identity out"),
        ("insert-layer dropout after=conv1 rate=0.5 init=identity", "leave init=identity out"),
        ("remove-layer softmax", "softmax is the class layer, which a network needs"),
        ("remove-layer conv9", "there is no layer conv9; the layers are: conv1, batchnorm1, activation1"),
        ("set activation conv9 relu", "there is no layer conv9"),
        (
            "set activation pool1 relu",
            "has no activation function; layers that have one: conv1, activation1, conv2, fc1",
        ),
        ("set activation conv1 swish", "`none`, `relu`, `tanh`"),
        ("set momentum 0.9", "the optimizer adam has no momentum; it has"),
        ("set learning-rate -1", "learning-rate must be a finite number of at least 0"),
        ("set learning-rate 1e-60", "found 1e-60, which is 0 as the 32-bit number"),
        (
            "set beta1 0.99999999999",
            "beta1 must be at least 0 and below 1, found 0.99999999999, which is 1 as the 32-bit",
        ),
        ("set learning-rate 0.01", "learning-rate is 0.01 already"),
        ("set schedule constant", "schedule is constant already"),
        ("set activation conv2 relu", "the activation of conv2 is relu already"),
        (
            "set batch-size 136",
            "batch-size must be 1 to 65536 and at most the number of training images, found 136 of 135",
        ),
        ("set batch-size 0", "found 0 of 135"),
        ("set optimizer nope", "adadelta, sgd, adam"),
        ("set optimizer sgd,beta=1", "beta"),
    ] {
        let message = refused(&parent, text);
        assert!(message.contains(reason), "{text}: {message}");
    }
    let second = |texts: &[&str]| parent.edited(&edits(texts)).unwrap_err().to_string();
    assert!(second(&["freeze conv1", "freeze conv1/2"]).ends_with("freeze conv1/2: conv1/2 is frozen already"));
    assert!(second(&["freeze softmax", "add-filter fc1 init=gradmax"]).contains("softmax, which is frozen"));
    let one = ["remove-filter conv2/0", "remove-filter conv2/1", "remove-filter conv2/2", "remove-filter conv2/3"];
    assert!(second(&one).contains("3 is the last filter of conv2"));
    let flattened = trained(json!([{"kind": "conv", "filters": 3, "kernel": 3}, {"kind": "batchnorm"}]), 1);
    let message = refused(&flattened, "insert-layer fully-connected after=conv1 init=identity");
    assert!(message.contains("batchnorm1 would have other inputs (3×6×6 reach fc1)"), "{message}");
    // The grammar stops at 4096; a value from elsewhere may not.
    let add = |count| {
        let layer = "conv1".parse().unwrap();
        let edit = Edit::new(Change::AddFilter { layer, count, init: Default::default(), coefficients: None });
        parent.edited(&[edit]).unwrap_err().to_string()
    };
    assert!(add(u32::MAX).contains("conv1 has 5 filters, and the most is 1048576"));
    assert_eq!(add(100_000), "layer conv1 (conv): filters must be 1 to 65536, found 100005");
    assert!(add(0).contains("count must be at least 1"));
    let mut values = vec![0.0; 18];
    values[4] = f32::INFINITY;
    let (layer, filter) = ("conv1".parse().unwrap(), revacnn_schemas::FilterNumber(0));
    let edit = Edit::new(Change::SetWeights { layer, filter, values, shape: None, bias: None });
    let message = parent.edited(&[edit]).unwrap_err().to_string();
    assert!(message.contains("finite numbers, found inf at index 4"), "{message}");
    let setting = Setting::HyperParameter { name: "learning_rate".to_owned(), value: f64::NAN };
    let message = parent.edited(&[Edit::new(Change::Set(setting))]).unwrap_err().to_string();
    assert!(message.contains("learning-rate must be a finite number, found NaN"), "{message}");
    let curve = revacnn_schemas::Schedule::Step { every: 0, factor: 0.5 };
    let message = parent.edited(&[Edit::new(Change::Set(Setting::Schedule(curve)))]).unwrap_err().to_string();
    assert!(message.contains("step,every=0"), "{message}");
}
