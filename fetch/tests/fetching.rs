//! Fetching from a server that behaves, breaks off, lies, or has something else.

mod archives;
mod server;

use std::fs;
use std::net::TcpListener;
use std::ops::ControlFlow;
use std::path::Path;
use std::thread;
use std::time::Duration;

use archives::{FOLDER, archive, contents, file, gzip, noise, set, sha256};
use revacnn_fetch::{Event, FetchError, Fetched, Patience, fetch};
use revacnn_schemas::{PackedFile, Packing, Published, PublishedFile};
use server::{Answer, Server, Then};
use tempfile::TempDir;

const PATIENCE: Patience =
    Patience { tries: 3, first_wait: Duration::from_millis(1), silence: Duration::from_secs(20) };

fn get(published: &Published<'_>, folder: &Path) -> Result<Fetched, FetchError> {
    fetch(published, None, folder, PATIENCE, &mut |_| ControlFlow::Continue(()))
}

/// The archive of the tests from a server that answers so.
fn from(server: &Server, bytes: &[u8], folder: &Path) -> Result<Fetched, FetchError> {
    let sum = sha256(bytes);
    get(&set(&[file(bytes, &sum)], &server.address), folder)
}

#[track_caller]
fn is_whole(data: &Path) {
    for (name, content) in contents() {
        assert_eq!(fs::read(data.join(FOLDER).join(name)).expect("a file"), content, "{name}");
    }
    let left: Vec<_> =
        fs::read_dir(data.join(".fetch")).expect("a folder").flatten().map(|file| file.file_name()).collect();
    assert_eq!(left, ["set.lock"]);
}

/// Nothing looks whole that is not.
#[track_caller]
fn is_nothing(data: &Path) {
    assert!(!data.join(FOLDER).exists());
    assert!(!data.join(".fetch/set.unpacked").exists());
}

#[test]
fn a_data_set_comes_once_and_is_checked_where_it_is_there() {
    let (data, bytes) = (TempDir::new().unwrap(), archive());
    let served = bytes.clone();
    let server = Server::new(move |_, _| Answer::whole(&served));
    let first = from(&server, &bytes, data.path()).unwrap();
    assert_eq!((first.downloaded, first.was_there), (bytes.len() as u64, false));
    assert_eq!(first.folder, data.path().join(FOLDER));
    is_whole(data.path());
    assert_eq!(server.requests()[0].path, "/set.tar.gz");
    let sums = fs::read_to_string(first.folder.join("SHA256SUMS")).unwrap();
    let [(_, train), (_, names)] = contents();
    assert_eq!(sums, format!("{}  names.txt\n{}  train.bin\n", sha256(&names), sha256(&train)));
    assert!(!first.folder.join("readme.html").exists());

    assert!(from(&server, &bytes, data.path()).unwrap().was_there);
    assert_eq!(server.requests().len(), 1);
    // Equally long, and another one.
    let path = first.folder.join("train.bin");
    fs::write(&path, vec![0; train.len()]).unwrap();
    let message = from(&server, &bytes, data.path()).unwrap_err().to_string();
    assert!(message.contains("train.bin") && message.contains(&sha256(&train)), "{message}");
    // What lacks comes, and what is there stays.
    fs::remove_file(&path).unwrap();
    assert!(!from(&server, &bytes, data.path()).unwrap().was_there);
    is_whole(data.path());
}

#[test]
fn a_file_that_is_cut_off_goes_on_where_it_stopped() {
    let (data, bytes) = (TempDir::new().unwrap(), archive());
    let served = bytes.clone();
    let server = Server::new(move |request, _| Answer::part(&served, request.from).cut(9_000));
    let fetched = from(&server, &bytes, data.path()).unwrap();
    assert_eq!(fetched.downloaded, bytes.len() as u64, "nothing came twice");
    is_whole(data.path());
    let begins: Vec<Option<usize>> = server.requests().iter().map(|request| request.from).collect();
    assert_eq!(begins[..3], [None, Some(9_000), Some(18_000)]);
}

#[test]
fn an_interrupted_fetch_is_gone_on_with_by_the_next() {
    let (data, bytes) = (TempDir::new().unwrap(), archive());
    let served = bytes.clone();
    let server = Server::new(move |request, _| Answer::part(&served, request.from));
    let sum = sha256(&bytes);
    let files = [file(&bytes, &sum)];
    let published = set(&files, &server.address);
    let mut watch = |event: Event<'_>| match event {
        Event::Downloading { bytes: 1.., .. } => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    let stopped = fetch(&published, None, data.path(), PATIENCE, &mut watch).unwrap_err();
    assert!(matches!(stopped, FetchError::Stopped), "{stopped}");
    is_nothing(data.path());
    let part = data.path().join(format!(".fetch/set.tar.gz.{}.part", &sum[..8]));
    // As a kill leaves it.
    let there = 12_345;
    fs::write(&part, &bytes[..there]).unwrap();
    let fetched = get(&published, data.path()).unwrap();
    assert_eq!(fetched.downloaded, (bytes.len() - there) as u64);
    assert_eq!(server.requests()[1].from, Some(there));
    is_whole(data.path());
}

#[test]
fn a_part_that_cannot_be_gone_on_with_comes_anew() {
    let bytes = archive();
    let sum = sha256(&bytes);
    for (left, heeds) in [(&noise(5_000)[..], true), (&bytes[..5_000], false), (&[0; 90_000], true)] {
        let data = TempDir::new().unwrap();
        fs::create_dir(data.path().join(".fetch")).unwrap();
        fs::write(data.path().join(format!(".fetch/set.tar.gz.{}.part", &sum[..8])), left).unwrap();
        let served = bytes.clone();
        let server = Server::new(move |request, _| Answer::part(&served, request.from.filter(|_| heeds)));
        from(&server, &bytes, data.path()).unwrap();
        is_whole(data.path());
    }
    // A server that has no such part, one that sends another one, one that ignores the wish and
    // is cut off.
    let odd: [fn(&[u8], usize) -> Answer; 3] = [
        |_, _| Answer::new("416 Range Not Satisfiable\r\nContent-Length: 0", b""),
        |bytes, _| Answer::part(bytes, Some(1)),
        |bytes, _| Answer::whole(bytes).cut(20_000),
    ];
    for odd in odd {
        let data = TempDir::new().unwrap();
        let served = bytes.clone();
        let server = Server::new(move |request, number| match (number, request.from) {
            (0, _) => Answer::whole(&served).cut(8_000),
            (1, Some(from)) => odd(&served, from),
            _ => Answer::part(&served, request.from),
        });
        from(&server, &bytes, data.path()).unwrap();
        is_whole(data.path());
    }
}

#[test]
fn lengths_that_are_wrong_are_told_and_a_body_without_end_is_bounded() {
    let bytes = archive();
    for said in [bytes.len() + 1, bytes.len() - 1, 0, usize::MAX] {
        let data = TempDir::new().unwrap();
        let served = bytes.clone();
        let server = Server::new(move |_, _| Answer::new(format!("200 OK\r\nContent-Length: {said}"), &served));
        let message = from(&server, &bytes, data.path()).unwrap_err().to_string();
        for part in [format!("{} bytes", bytes.len()), format!("said to have {said}")] {
            assert!(message.contains(&part), "{part}: {message}");
        }
        is_nothing(data.path());
    }
    let data = TempDir::new().unwrap();
    let served = bytes.clone();
    let server = Server::new(move |request, number| match number {
        0 => Answer::part(&served, request.from).cut(100),
        _ => Answer::new(format!("206 Partial Content\r\nContent-Range: bytes 100-999/{}", 1_u64 << 40), b"?"),
    });
    let message = from(&server, &bytes, data.path()).unwrap_err().to_string();
    assert!(message.contains("1099511627776"), "{message}");
    // Neither length nor end; the file is in front of it, or is not.
    for (body, fits) in [(bytes.clone(), true), (noise(100), false)] {
        let data = TempDir::new().unwrap();
        let server =
            Server::new(move |_, _| Answer { head: "200 OK".to_owned(), body: body.clone(), then: Then::Zeros });
        match from(&server, &bytes, data.path()) {
            Ok(fetched) => assert_eq!((fits, fetched.downloaded), (true, bytes.len() as u64)),
            Err(error) => assert!(!fits && matches!(error, FetchError::Checksum { .. }), "{error}"),
        }
    }
}

#[test]
fn other_bytes_are_told_with_both_checksums_and_leave_nothing() {
    let (data, bytes) = (TempDir::new().unwrap(), archive());
    let other = noise(bytes.len());
    let served = other.clone();
    let server = Server::new(move |request, _| Answer::part(&served, request.from).cut(20_000));
    let message = from(&server, &bytes, data.path()).unwrap_err().to_string();
    for part in [&server.address, "set.tar.gz", &sha256(&bytes), &sha256(&other)] {
        assert!(message.contains(part), "{part}: {message}");
    }
    is_nothing(data.path());
    assert_eq!(fs::read_dir(data.path().join(".fetch")).unwrap().count(), 1, "but for the lock");
}

#[test]
fn answers_that_are_no_file_are_told() {
    let bytes = archive();
    let asked = |answer: fn(usize) -> Answer| {
        let data = TempDir::new().unwrap();
        let server = Server::new(move |_, number| answer(number));
        let message = from(&server, &bytes, data.path()).unwrap_err().to_string();
        is_nothing(data.path());
        (message, server.requests().len())
    };
    let (message, requests) = asked(|_| Answer::new("404 Not Found\r\nContent-Length: 9", b"not here\n"));
    assert!(message.contains("404 Not Found") && requests == 1, "{requests}: {message}");
    let (message, requests) = asked(|_| Answer::new("503 Service Unavailable\r\nContent-Length: 0", b""));
    assert!(message.contains("503") && message.contains("3 times in a row") && requests == 3, "{requests}: {message}");
    let (message, requests) = asked(|_| Answer::new("302 Found\r\nLocation: /round\r\nContent-Length: 0", b""));
    assert!(message.contains("more than 5 times") && requests == 6, "{requests}: {message}");
    let (message, _) = asked(|_| Answer::new("nonsense", b""));
    assert!(message.contains("3 times"), "{message}");
    // A port at which nobody is.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let data = TempDir::new().unwrap();
    let sum = sha256(&bytes);
    let message = get(&set(&[file(&bytes, &sum)], &format!("http://{port}")), data.path()).unwrap_err().to_string();
    assert!(message.contains("3 times in a row; 0 of "), "{message}");
}

#[test]
fn redirects_are_followed_and_what_passes_is_waited_for() {
    let (data, bytes) = (TempDir::new().unwrap(), archive());
    let served = bytes.clone();
    let server = Server::new(move |request, number| match (&request.path[..], number) {
        ("/set.tar.gz", 0) => Answer::new("503 Service Unavailable\r\nContent-Length: 0", b""),
        ("/set.tar.gz", _) => Answer::new("302 Found\r\nLocation: /elsewhere/x\r\nContent-Length: 0", b""),
        (_, 2) => Answer::part(&served, request.from).cut(7_000),
        _ => Answer::part(&served, request.from),
    });
    from(&server, &bytes, data.path()).unwrap();
    is_whole(data.path());
    let requests = server.requests();
    assert_eq!((requests.len(), requests[4].from), (5, Some(7_000)), "{requests:?}");
}

#[test]
fn a_server_that_falls_silent_is_asked_again() {
    let (data, bytes) = (TempDir::new().unwrap(), archive());
    let served = bytes.clone();
    let server = Server::new(move |request, number| {
        let answer = Answer::part(&served, request.from);
        if number == 0 { Answer { then: Then::Silence, ..answer.cut(6_000) } } else { answer }
    });
    let sum = sha256(&bytes);
    let patience = Patience { silence: Duration::from_millis(300), ..PATIENCE };
    let files = [file(&bytes, &sum)];
    let published = set(&files, &server.address);
    fetch(&published, None, data.path(), patience, &mut |_| ControlFlow::Continue(())).unwrap();
    is_whole(data.path());
    assert_eq!(server.requests()[1].from, Some(6_000));
}

#[test]
fn no_address_is_asked_that_is_none() {
    let (data, bytes) = (TempDir::new().unwrap(), archive());
    let sum = sha256(&bytes);
    for odd in ["", "ftp://host/", "file:///etc", "host", "http://", "http:// x", "/tmp", "http://host/?a=b"] {
        let files = [file(&bytes, &sum)];
        let published = set(&files, "http://127.0.0.1:1");
        let error = fetch(&published, Some(odd), data.path(), PATIENCE, &mut |_| ControlFlow::Continue(()));
        let message = error.unwrap_err().to_string();
        assert!(message.contains("http:// or https://"), "{odd}: {message}");
    }
}

#[test]
fn two_at_once_fetch_it_once() {
    let (data, bytes) = (TempDir::new().unwrap(), archive());
    let served = bytes.clone();
    let server = Server::new(move |request, _| Answer::part(&served, request.from).cut(5_000));
    let fetched: Vec<Fetched> = thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| from(&server, &bytes, data.path()).unwrap())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    is_whole(data.path());
    assert_eq!(fetched.iter().filter(|fetched| !fetched.was_there).count(), 1);
    assert_eq!(server.requests().iter().filter(|request| request.from.is_none()).count(), 1);
}

/// Files as MNIST has them: each is one, and may be there as it is published.
#[test]
fn of_several_files_only_those_come_that_lack() {
    let data = TempDir::new().unwrap();
    let (images, labels) = (noise(3_000), vec![1; 50]);
    let packed = [gzip(&images), gzip(&labels)];
    let sums = packed.each_ref().map(|bytes| sha256(bytes));
    let contents = [[PackedFile::of("images", 3_000)], [PackedFile::of("labels", 50)]];
    let one = |index: usize, name| PublishedFile {
        name,
        bytes: packed[index].len() as u64,
        sha256: &sums[index],
        packing: Packing::Gzip,
        contents: &contents[index],
    };
    let files = [one(0, "images.gz"), one(1, "labels.gz")];
    let served = packed.clone();
    let server =
        Server::new(move |request, _| Answer::whole(&served[usize::from(request.path.ends_with("labels.gz"))]));
    let published = set(&files, &server.address);
    let folder = data.path().join(FOLDER);
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("labels.gz"), &packed[1]).unwrap();
    get(&published, data.path()).unwrap();
    assert_eq!(server.requests().len(), 1);
    assert_eq!(fs::read(folder.join("images")).unwrap(), images);
    assert!(!folder.join("labels").exists() && get(&published, data.path()).unwrap().was_there);

    // A file in its place that is another one is left alone, before anything is asked for.
    fs::write(folder.join("labels.gz"), b"mine").unwrap();
    let message = get(&published, data.path()).unwrap_err().to_string();
    assert!(message.contains("labels.gz") && message.contains(&sums[1]), "{message}");
    fs::remove_file(folder.join("labels.gz")).unwrap();
    fs::write(folder.join("labels"), b"mine").unwrap();
    let message = get(&published, data.path()).unwrap_err().to_string();
    assert!(message.contains("50 bytes, found 4 bytes; move it away"), "{message}");
    assert_eq!((server.requests().len(), fs::read(folder.join("labels")).unwrap()), (1, b"mine".to_vec()));
}
