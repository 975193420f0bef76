use super::Trace;

const TEXT: &str = "\
0 n0 turn
5 n0.0 > 0102ff
10 n1.1 < 0102ff
20 n1.1 carrier down
20 n1.1 carrier up
21 n12 ! priority 7
";

#[test]
fn a_trace_is_its_text() {
    let trace: Trace = TEXT.parse().unwrap();
    assert_eq!(trace.entries().len(), 6);
    assert_eq!(trace.to_string(), TEXT);
}

#[test]
fn what_is_no_entry_is_refused_with_its_line() {
    for wrong in [
        "x n0 turn",
        "0 n0",
        "0 n0.0 > 0",
        "0 n0.0 > 0g",
        "0 n0.0 > é",
        "0 0 turn",
        "0 n0.0 turn",
    ] {
        let error = format!("0 n0 turn\n{wrong}").parse::<Trace>().unwrap_err();
        assert_eq!((error.line, error.text.as_str()), (2, wrong));
    }
}
