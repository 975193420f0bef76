use super::*;

/// A reader that stopped: the queue fills, nothing waits, and the loss is counted.
#[test]
fn a_full_queue_is_counted_not_waited_for() {
    let (sender, receiver) = sync_channel(2);
    let dropped = Arc::new(AtomicU64::new(0));
    let queue = Queue {
        sender,
        dropped: Arc::clone(&dropped),
        level: Level::INFO,
    };
    tracing::subscriber::with_default(queue, || {
        for number in 0..5 {
            tracing::info!(number, "line");
        }
        tracing::debug!("detail that nobody asked for");
    });
    assert_eq!(dropped.load(Ordering::Relaxed), 3);
    assert_eq!(receiver.try_iter().count(), 2);
    assert!(
        Record::dropped(3)
            .message
            .starts_with("3 log lines dropped")
    );
}

#[test]
fn messages_and_fields_are_taken_apart() {
    let (sender, receiver) = sync_channel(8);
    let queue = Queue {
        sender,
        dropped: Arc::default(),
        level: Level::INFO,
    };
    tracing::subscriber::with_default(queue, || {
        let source = "192.0.2.1";
        tracing::warn!(instance = "VI_1", vrid = 51_u8, %source, "({}) hello", "VI_1");
    });
    let Ok(Message::Line(record)) = receiver.try_recv() else {
        panic!("no line")
    };
    assert_eq!(record.message, "(VI_1) hello");
    assert_eq!(record.severity(), 4);
    let fields: Vec<String> = record
        .fields
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    assert_eq!(
        fields,
        ["instance=\"VI_1\"", "vrid=51", "source=\"192.0.2.1\""]
    );
}
