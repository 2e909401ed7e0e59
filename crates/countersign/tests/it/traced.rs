//! Traces, as a collector gets them: one for each workflow over all processes, none of anybody's words in them.

use crate::served::{PATIENCE, Served, text, world};
use crate::support::{DIFF, World, ran};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A collector that keeps what it is sent.
struct Collector {
    address: String,
    spans: Arc<Mutex<Vec<Span>>>,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let spans = Arc::<Mutex<Vec<Span>>>::default();
        let kept = spans.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let kept = kept.clone();
                std::thread::spawn(move || while take(stream.as_ref().unwrap(), &kept).is_some() {});
            }
        });
        Self { address, spans }
    }

    fn environment(&self) -> [(&'static str, String); 1] {
        [("OTEL_EXPORTER_OTLP_ENDPOINT", self.address.clone())]
    }

    fn spans(&self) -> Vec<Span> {
        self.spans.lock().unwrap().clone()
    }
}

/// One request on a connection; `None` at its end.
fn take(stream: &TcpStream, kept: &Mutex<Vec<Span>>) -> Option<()> {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    assert!(head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{head}");
    let length = head.lines().find_map(|l| {
        l.to_ascii_lowercase()
            .strip_prefix("content-length: ")
            .map(str::to_owned)
    });
    let mut body = vec![0; length.unwrap().parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    let told = ExportTraceServiceRequest::decode(body.as_slice()).unwrap();
    let scopes = told.resource_spans.into_iter().flat_map(|r| r.scope_spans);
    kept.lock().unwrap().extend(scopes.flat_map(|s| s.spans));
    let answer = "HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n";
    (&mut &*stream).write_all(answer.as_bytes()).ok()
}

/// An attribute as a text.
fn said(span: &Span, name: &str) -> Option<String> {
    use opentelemetry_proto::tonic::common::v1::any_value::Value::StringValue;
    let found = span.attributes.iter().find(|a| a.key == name)?;
    let Some(StringValue(text)) = found.value.as_ref()?.value.as_ref() else {
        return None;
    };
    Some(text.clone())
}

/// The trace of a workflow: its ULID as a number.
fn trace_of(workflow: &str) -> Vec<u8> {
    const DIGITS: &str = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let digits = workflow.strip_prefix("wf_").unwrap().chars();
    let number = digits.fold(0_u128, |n, c| n << 5 | DIGITS.find(c).unwrap() as u128);
    number.to_be_bytes().to_vec()
}

fn submit(served: &Served, token: &str, traceparent: &str) -> Value {
    let bearer = format!("Bearer {token}");
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Content-Type", "application/json"),
        ("traceparent", traceparent),
    ];
    let new = json!({"text": "Say so, quietly", "repositories": [{"name": "tollgate"}],
        "diffs": [{"repository": "tollgate", "diff": DIFF}]});
    let id = served
        .send("POST", "/api/v1/workflows", &headers, &new.to_string())
        .is(202)
        .json()["id"]
        .clone();
    served.request_of(token, id.as_str().unwrap())
}

fn approve(served: &Served, token: &str, request: &Value) {
    let decisions = format!("/api/v1/requests/{}/decisions", text(request, "id"));
    let decided = json!({"decision": "approve", "digest": request["digest"]});
    served.json("POST", &decisions, token, &decided).is(200);
    let workflow = text(request, "workflow");
    served.until(|| (served.state(token, workflow) == "Done").then_some(()));
}

#[test]
fn a_workflow_is_one_trace_over_two_processes_and_holds_nobodys_words() {
    let (world, collector): (World, Collector) = (world(), Collector::start());
    let mut served = Served::start_in(&world, &[], &collector.environment());
    let callers = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let request = submit(&served, &served.token(), callers);
    assert_eq!(served.ends("-TERM"), Some(0));
    let mut served = Served::start_in(&world, &[], &collector.environment());
    approve(&served, &served.token(), &request);
    assert_eq!(served.ends("-TERM"), Some(0));

    let (spans, trace) = (collector.spans(), trace_of(text(&request, "workflow")));
    let of_it: Vec<&Span> = spans.iter().filter(|s| s.trace_id == trace).collect();
    let whole: Vec<&&Span> = of_it.iter().filter(|s| s.name == "workflow").collect();
    let [whole] = whole[..] else {
        panic!("{} spans say that they are the workflow", whole.len());
    };
    assert_eq!(
        (whole.parent_span_id.len(), said(whole, "state").as_deref()),
        (0, Some("Done"))
    );
    let named = |name: &str| {
        of_it
            .iter()
            .filter(|s| s.name == name)
            .copied()
            .collect::<Vec<_>>()
    };
    // The submission and the approval, in two processes.
    assert_eq!(named("decision").len(), 2);
    let kinds: Vec<String> = named("effect").iter().filter_map(|s| said(s, "kind")).collect();
    for kind in ["look-up-refs", "write-branch"] {
        assert!(kinds.iter().any(|k| k == kind), "{kinds:?}");
    }
    for part in named("decision").iter().chain(&named("effect")) {
        assert_eq!(part.parent_span_id, whole.span_id, "{part:?}");
        assert!(part.start_time_unix_nano <= part.end_time_unix_nano);
        let within = whole.start_time_unix_nano..=whole.end_time_unix_nano + 1_000_000_000;
        assert!(within.contains(&part.start_time_unix_nano), "{part:?}");
    }
    let effects: Vec<&Vec<u8>> = named("effect").iter().map(|s| &s.span_id).collect();
    assert!(!named("agent call").is_empty());
    assert!(
        named("agent call")
            .iter()
            .all(|call| effects.contains(&&call.parent_span_id))
    );

    let asked = spans
        .iter()
        .find(|s| s.name == "http" && s.links.iter().any(|l| l.trace_id == trace));
    let asked = asked.expect("the call that submitted it links to it");
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    assert_eq!(
        (hex(&asked.trace_id), hex(&asked.parent_span_id)),
        (
            "4bf92f3577b34da6a3ce929d0e0e4736".to_owned(),
            "00f067aa0ba902b7".to_owned()
        )
    );
    let all = format!("{spans:?}");
    for word in ["quietly", "csk_", "css_", DIFF.lines().last().unwrap()] {
        assert!(!all.contains(word), "a span tells {word}");
    }
    assert!(spans.iter().all(|s| s.events.is_empty()));
}

#[test]
fn a_collector_that_is_not_there_holds_nothing_up_and_is_said() {
    let world = world();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let run = |arguments: &[&str], address: &str| {
        let mut command = world.command(arguments);
        ran(&command
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", address)
            .output()
            .unwrap())
    };
    let approved = ["run", "--repo", "tollgate", "--issue", "issue.md", "--yes"];
    run(&approved, &format!("http://{nobody}"))
        .exits(0)
        .says("traces are lost");
    run(&["list"], "http://collector.example.org")
        .exits(2)
        .says("traces.endpoint")
        .says("not encrypted");
}
