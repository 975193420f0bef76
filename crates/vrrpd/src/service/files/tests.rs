use core::time::Duration;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use vrrp_fsm::TrackId;

use super::{Files, leading_number};

#[test]
fn numbers_are_read_as_c_reads_them() {
    let cases = [
        ("", Some(0)),
        ("garbage", Some(0)),
        ("7", Some(7)),
        ("  -12 and more\n", Some(-12)),
        ("+5", Some(5)),
        ("0x1f", Some(31)),
        ("0x", Some(0)),
        ("017", Some(15)),
        ("08", Some(0)),
        ("2147483647", Some(i32::MAX)),
        ("-2147483648", Some(i32::MIN)),
        ("2147483648", None),
        ("99999999999999999999999999", None),
    ];
    for (text, value) in cases {
        assert_eq!(leading_number(text), value, "{text:?}");
    }
}

/// Lets the runtime run until `expected` was told.
async fn told(receiver: &Receiver<(TrackId, i32)>, expected: i32) {
    let end = Instant::now() + Duration::from_secs(20);
    while Instant::now() < end {
        if let Ok((id, value)) = receiver.try_recv() {
            assert_eq!((id, value), (TrackId(3), expected));
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("{expected} was not told");
}

#[test]
fn a_file_may_come_change_be_replaced_and_go_with_its_directory() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("state");
    let path: PathBuf = folder.join("file");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (sender, receiver) = channel();
        let _files = Files::watch(vec![(TrackId(3), path.clone())], move |id, value| {
            sender.send((id, value)).unwrap();
        })
        .unwrap();
        told(&receiver, 0).await;
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(&path, "5\n").unwrap();
        told(&receiver, 5).await;
        std::fs::write(&path, "6\n").unwrap();
        told(&receiver, 6).await;
        std::fs::write(folder.join("new"), "-7").unwrap();
        std::fs::rename(folder.join("new"), &path).unwrap();
        told(&receiver, -7).await;
        std::fs::remove_dir_all(&folder).unwrap();
        told(&receiver, 0).await;
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(&path, "0x10").unwrap();
        told(&receiver, 16).await;
    });
}
