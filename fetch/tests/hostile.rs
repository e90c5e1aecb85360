//! Archives that are what their checksum says, and no well-meaning person's.

mod archives;
#[expect(dead_code, reason = "archives come whole here")]
mod server;

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use archives::{CONTENTS, Entry, archive, contents, file, gzip, noise, set, sha256, tar_gzip};
use revacnn_fetch::{FetchError, Patience, fetch};
use revacnn_schemas::{Packing, PublishedFile};
use server::{Answer, Server};
use tar::EntryType;
use tempfile::TempDir;

/// What is said of an archive, of which nothing may be left.
#[track_caller]
fn refused(bytes: &[u8], packing: Packing) -> String {
    let around = TempDir::new().unwrap();
    let data = around.path().join("data");
    let served = bytes.to_vec();
    let server = Server::new(move |_, _| Answer::whole(&served));
    let sum = sha256(bytes);
    let contents = if packing == Packing::Gzip { &CONTENTS[..1] } else { &CONTENTS[..] };
    let files = [PublishedFile { packing, contents, ..file(bytes, &sum) }];
    let patience = Patience { tries: 1, first_wait: Duration::ZERO, silence: Duration::from_secs(20) };
    let error = fetch(&set(&files, &server.address), None, &data, patience, &mut |_| ControlFlow::Continue(()));
    let error = error.unwrap_err();
    assert!(matches!(error, FetchError::Archive { .. }), "{error}");
    let mut left = files_below(around.path());
    left.retain(|name| !name.ends_with(".part") && !name.ends_with(".lock"));
    assert_eq!(left, Vec::<String>::new());
    error.to_string()
}

fn files_below(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().flatten();
    let names = entries.flat_map(|entry| match entry.file_type().unwrap().is_dir() {
        true => files_below(&entry.path()),
        false => vec![entry.path().display().to_string()],
    });
    names.collect()
}

#[test]
fn paths_and_links_that_lead_out_are_refused() {
    let [(_, train), (_, names)] = contents();
    let good = || [Entry::file("set-bin/train.bin", &train), Entry::file("set-bin/names.txt", &names)];
    for (odd, says) in [
        (Entry::file("../set-bin/train.bin", &train), "the path"),
        (Entry::file("set-bin/../../evil", b"x"), "the path"),
        (Entry::file("/tmp/evil", b"x"), "the path"),
        (Entry::other("set-bin/names.txt", EntryType::Symlink, "/etc/passwd"), "a link"),
        (Entry::other("set-bin/names.txt", EntryType::Link, "../../x"), "a link"),
        (Entry::other("set-bin", EntryType::Symlink, ".."), "a link"),
        (Entry::other("set-bin/train.bin", EntryType::Fifo, ""), "neither of them"),
        (Entry::other("set-bin/train.bin", EntryType::Char, ""), "neither of them"),
        (Entry::file("set-bin/train.bin", &train), "twice"),
    ] {
        let [train, names] = good();
        let message = refused(&tar_gzip(&[train, odd, names]), Packing::TarGzip);
        assert!(message.contains(says) && message.contains("set.tar.gz"), "{says}: {message}");
    }
    // The first that comes is refused as well as a later one.
    let message = refused(&tar_gzip(&[Entry::file("../x", b"x")]), Packing::TarGzip);
    assert!(message.contains("\"../x\""), "{message}");
}

#[test]
fn lengths_that_are_not_known_ones_are_refused_before_they_are_written() {
    let [(_, train), (_, names)] = contents();
    let huge = Entry { length: 1 << 33, ..Entry::file("set-bin/train.bin", b"") };
    let long = noise(40_001);
    for (first, says) in [
        (huge, "8589934592 bytes"),
        (Entry::file("set-bin/train.bin", &long), "40001 bytes"),
        (Entry::file("set-bin/train.bin", &train[1..]), "39999 bytes"),
        (Entry::file("set-bin/other.bin", &train), "set-bin/train.bin in it"),
        (Entry::file("elsewhere/train.bin", &train), "set-bin/train.bin in it"),
        (Entry { length: 40_000, ..Entry::file("set-bin/train.bin", b"") }, "found one of 2048 bytes"),
    ] {
        let message = refused(&tar_gzip(&[first, Entry::file("set-bin/names.txt", &names)]), Packing::TarGzip);
        assert!(message.contains(says), "{says}: {message}");
    }
}

#[test]
fn bombs_and_damage_are_refused() {
    let zeros = vec![0; 4 << 20];
    let bomb = tar_gzip(&[Entry::file("set-bin/readme.html", &zeros)]);
    let message = refused(&bomb, Packing::TarGzip);
    assert!(message.contains("unpacks to more than"), "{message}");
    let many: Vec<Entry<'_>> = (0..1_001).map(|_| Entry::other("set-bin/x/", EntryType::Directory, "")).collect();
    let message = refused(&tar_gzip(&many), Packing::TarGzip);
    assert!(message.contains("at most 1000 entries"), "{message}");
    let message = refused(&gzip(&zeros), Packing::Gzip);
    assert!(message.contains("train.bin of 40000 bytes, found a longer one"), "{message}");
    let message = refused(&gzip(&zeros[..39_999]), Packing::Gzip);
    assert!(message.contains("39999 bytes"), "{message}");

    let whole = archive();
    let mut damaged = whole.clone();
    damaged[whole.len() / 2] ^= 1;
    for odd in [&whole[..whole.len() / 2], &damaged, &noise(500)[..], b"", &gzip(b"no tar")[..]] {
        refused(odd, Packing::TarGzip);
    }
    let single = gzip(&noise(40_000));
    for odd in [&single[..single.len() - 9], b"no gzip", b""] {
        refused(odd, Packing::Gzip);
    }
}
