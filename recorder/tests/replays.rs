//! Computing recorded steps again, where the log is not what it was.

#[path = "../../store/tests/fake/mod.rs"]
mod fake;

use std::sync::Arc;

use arrow_array::StringArray;
use fake::{rewrite, segment, tempdir};
use revacnn_recorder::{RecorderError, Replay};
use revacnn_schemas::{Digest, Fidelity, Step, Table};
use revacnn_store::BranchReader;
use revacnn_test_support::{SmallRun, name};

#[test]
fn a_replay_that_differed_once_is_not_trusted_afterwards() {
    let folder = tempdir().unwrap();
    let small = SmallRun { fidelity: Fidelity::Keyframes, ..SmallRun::default() };
    let store = small.recorded(folder.path(), 9);
    let branch = store.branch(&name("main")).unwrap();

    // One recorded digest is another one.
    let path = segment(&store, &branch, Table::Steps, "000000000000-000000000009");
    rewrite(&path, "digest", |batch| {
        let digests = batch.column_by_name("digest").unwrap();
        let digests = arrow_array::cast::AsArray::as_string::<i32>(digests);
        let changed = |row| if row == 8 { Digest([7; 32]).to_string() } else { digests.value(row).to_owned() };
        Arc::new(StringArray::from((0..batch.num_rows()).map(changed).collect::<Vec<_>>()))
    });
    let mut replay = Replay::new(BranchReader::open(&store, &name("main")).unwrap()).with_data(small.data(), 1);
    let differs = |error: RecorderError| assert!(matches!(error, RecorderError::ReplayDiffers { .. }), "{error}");
    differs(replay.tensors(Step(8)).unwrap_err());
    differs(replay.trainer_at(Step(8)).map(drop).unwrap_err());
    differs(replay.tensors(Step(9)).unwrap_err());
    assert_eq!(replay.tensors(Step(7)).unwrap().step, Step(7));
}

#[test]
fn a_step_is_the_same_wherever_one_comes_from() {
    let folder = tempdir().unwrap();
    let every = SmallRun { keyframe_interval: 64, ..SmallRun::default() };
    let stored = every.recorded(&folder.path().join("every"), 130);
    let small = SmallRun { fidelity: Fidelity::Keyframes, ..every };
    let store = small.recorded(&folder.path().join("keyframes"), 130);
    let stored = BranchReader::open(&stored, &name("main")).unwrap();
    let mut replay = Replay::new(BranchReader::open(&store, &name("main")).unwrap()).with_data(small.data(), 1);
    // Forwards past states that are kept, back to them, between them, past a keyframe and back.
    for step in [60, 33, 50, 15, 32, 31, 16, 17, 90, 61, 130, 100, 64, 63, 0, 1, 128, 127] {
        assert_eq!(replay.tensors(Step(step)).unwrap(), stored.seek(Step(step)).unwrap(), "step {step}");
    }
}
