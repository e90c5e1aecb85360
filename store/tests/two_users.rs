//! Who may steer: whoever may write into a branch's inbox, which the system says. Needs
//! a second user, and so the superuser; elsewhere it says that it looked at nothing.

#![cfg(target_os = "linux")]

mod fake;

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command as Program, Output};

use fake::*;
use revacnn_schemas::{BranchRecord, FORMAT_VERSION};
use revacnn_store::{Command, Mailbox, Recorder, Store};

/// A user and a group that own nothing.
const OTHER: u32 = 65534;

/// Another user's commands in a shell; `None` where this user cannot be another one.
fn as_other(groups: &str, script: &str, folder: &Path) -> Option<Output> {
    let ids = [format!("--reuid={OTHER}"), format!("--regid={OTHER}")];
    let groups = if groups.is_empty() { "--clear-groups".to_owned() } else { format!("--groups={groups}") };
    let output = Program::new("setpriv").args(ids).arg(groups).args(["sh", "-c", script]).current_dir(folder).output();
    match output {
        Ok(output) if !String::from_utf8_lossy(&output.stderr).starts_with("setpriv:") => Some(output),
        _ => {
            eprintln!("SKIPPED: only the superuser, with setpriv, can be another user");
            None
        }
    }
}

struct Shared {
    _home: tempfile::TempDir,
    store: Store,
    branch: BranchRecord,
    inbox: PathBuf,
    _recorder: Recorder,
}

/// A store that others may look into, with a branch that is recorded and its inbox.
fn shared() -> (Shared, Mailbox) {
    let home = tempdir().unwrap();
    fs::set_permissions(home.path(), Permissions::from_mode(0o755)).unwrap();
    let (store, branch) = store(&home.path().join("runs"), &small(), recording(0));
    let recorder = Recorder::open(&store, &branch, options(8)).unwrap();
    let mailbox = Mailbox::open(&store, &branch).unwrap();
    let inbox = store.branch_folder(&branch.id).join("inbox");
    (Shared { _home: home, store, branch, inbox, _recorder: recorder }, mailbox)
}

fn letter() -> String {
    format!("{{\"format_version\": {FORMAT_VERSION}, \"command\": \"pause\"}}")
}

fn send(name: &str) -> String {
    format!("echo '{}' > .{name}.json.new && mv .{name}.json.new {name}.json", letter())
}

#[test]
fn who_may_write_the_inbox_steers_and_nobody_else() {
    let (shared, mut mailbox) = shared();
    const GROUP: u32 = 54_321;
    let Some(refused) = as_other("", &send("no"), &shared.inbox) else { return };
    assert!(!refused.status.success(), "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("Permission denied"), "{refused:?}");
    assert!(mailbox.poll().requests.is_empty());
    // The group may, and who is not in it may not.
    chown(&shared.inbox, None, Some(GROUP)).unwrap();
    fs::set_permissions(&shared.inbox, Permissions::from_mode(0o775)).unwrap();
    assert!(!as_other("", &send("no"), &shared.inbox).unwrap().status.success());
    assert!(mailbox.poll().requests.is_empty());
    let sent = as_other(&GROUP.to_string(), &send("yes"), &shared.inbox).unwrap();
    assert!(sent.status.success(), "{sent:?}");
    let requests = mailbox.poll().requests;
    assert_eq!(requests.len(), 1);
    assert_eq!((requests[0].id.as_str(), &requests[0].command), ("yes", &Ok(Command::Pause)));
    assert_eq!(fs::read_dir(&shared.inbox).unwrap().count(), 0);
}

#[test]
fn what_is_no_letter_is_neither_followed_nor_waited_for() {
    let (shared, mut mailbox) = shared();
    fs::set_permissions(&shared.inbox, Permissions::from_mode(0o777)).unwrap();
    let secret = shared.store.root().join("secret.json");
    fs::write(&secret, letter()).unwrap();
    let script = format!("ln -s '{}' link.json; mkfifo pipe.json; truncate -s 1T huge.json", secret.display());
    let Some(sent) = as_other("", &script, &shared.inbox) else { return };
    assert!(sent.status.success(), "{sent:?}");
    let requests = mailbox.poll().requests;
    let said: Vec<(&str, bool)> =
        requests.iter().map(|request| (request.id.as_str(), request.command.is_err())).collect();
    assert_eq!(said, [("huge", true), ("link", true), ("pipe", true)]);
    // They are gone, and not what a link led to.
    assert_eq!(fs::read_dir(&shared.inbox).unwrap().count(), 0);
    assert_eq!(fs::read_to_string(&secret).unwrap(), letter());
    // Nor is a folder that is put in the inbox's place.
    let theirs = shared.store.root().join("theirs");
    fs::create_dir(&theirs).unwrap();
    fs::write(theirs.join("stop.json"), letter()).unwrap();
    fs::rename(&shared.inbox, shared.store.root().join("away")).unwrap();
    symlink(&theirs, &shared.inbox).unwrap();
    let polled = mailbox.poll();
    assert!(polled.requests.is_empty() && polled.closed.is_some(), "{polled:?}");
    assert!(theirs.join("stop.json").exists());
}

#[test]
fn what_another_user_keeps_in_the_inbox_stays() {
    let (shared, mailbox) = shared();
    fs::set_permissions(&shared.inbox, Permissions::from_mode(0o1777)).unwrap();
    let script = format!("echo mine > notes.txt; echo mine > .draft; {}", send("old"));
    let Some(sent) = as_other("", &script, &shared.inbox) else { return };
    assert!(sent.status.success(), "{sent:?}");
    drop(mailbox);
    let Shared { _home, store, branch, inbox, _recorder } = shared;
    drop(_recorder);
    let freed = store.garbage().unwrap().items;
    let in_inbox: Vec<_> = freed.iter().filter(|item| item.path.starts_with(&inbox)).map(|item| &item.path).collect();
    assert_eq!(in_inbox, [&inbox.join("old.json")]);
    std::thread::sleep(std::time::Duration::from_millis(20));
    // A new training takes no order from before it began.
    let recorder = Recorder::open(&store, &branch, options(8)).unwrap();
    let mut mailbox = Mailbox::open(&store, &branch).unwrap();
    assert!(mailbox.poll().requests.is_empty());
    let mut left: Vec<String> =
        fs::read_dir(&inbox).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    left.sort();
    assert_eq!(left, [".draft", "notes.txt"]);
    drop(recorder);
}
