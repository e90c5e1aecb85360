//! Computing recorded steps again, where the log is not what it was.

#[path = "../../store/tests/fake/mod.rs"]
mod fake;

use std::sync::Arc;

use arrow_array::StringArray;
use fake::{name, options, recording, rewrite, segment, tempdir};
use revacnn_recorder::{RecorderError, Replay, Session, SessionPlan};
use revacnn_schemas::{Digest, Fidelity, NetworkSpec, Step, Table};
use revacnn_store::{BranchReader, Store};

#[test]
fn a_replay_that_differed_once_is_not_trusted_afterwards() {
    let folder = tempdir().unwrap();
    let store = Store::create(folder.path(), 1).unwrap();
    let dataset = Arc::new(revacnn_trainer::data::load("digits", None).unwrap());
    let network =
        NetworkSpec::from_toml("[[layer]]\nkind = \"conv\"\nfilters = 3\nkernel = 3\n[[layer]]\nkind = \"softmax\"\n");
    let definition =
        revacnn_trainer::define(network.unwrap(), &dataset, &revacnn_trainer::Settings::default()).unwrap();
    let mut recording = recording(1);
    recording.fidelity = Fidelity::Keyframes;
    let plan = SessionPlan { definition, recording, threads: 1, options: options(512), created_unix_seconds: 2 };
    let mut session = Session::open(&store, &name("main"), plan, dataset.clone()).unwrap();
    for _ in 0..9 {
        session.advance().unwrap();
    }
    let branch = session.record().clone();
    session.finish().unwrap();

    // One recorded digest is another one.
    let path = segment(&store, &branch, Table::Steps, "000000000000-000000000009");
    rewrite(&path, "digest", |batch| {
        let digests = batch.column_by_name("digest").unwrap();
        let digests = arrow_array::cast::AsArray::as_string::<i32>(digests);
        let changed = |row| if row == 8 { Digest([7; 32]).to_string() } else { digests.value(row).to_owned() };
        Arc::new(StringArray::from((0..batch.num_rows()).map(changed).collect::<Vec<_>>()))
    });
    let mut replay = Replay::new(BranchReader::open(&store, &name("main")).unwrap()).with_data(dataset, 1);
    let differs = |error: RecorderError| assert!(matches!(error, RecorderError::ReplayDiffers { .. }), "{error}");
    differs(replay.tensors(Step(8)).unwrap_err());
    differs(replay.trainer_at(Step(8)).map(drop).unwrap_err());
    differs(replay.tensors(Step(9)).unwrap_err());
    assert_eq!(replay.tensors(Step(7)).unwrap().step, Step(7));
}
