//! Story: without a format `cargo prof pprof` asks for one report after another, on a profile from a file or from a server,
//! and says what Go's says.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use prof_pprof::{Builder, Function, Line, Location, Mapping, Profile, ValueType, decode, encode};

const GREETING: &str = "File: words\nType: cpu\nDuration: 10s, Total samples = 7s (70.00%)\n\
                        Entering interactive mode (type \"help\" for commands, \"o\" for options)\n";

/// What a command printed, and its exit status.
struct Told {
    stdout: String,
    stderr: String,
    status: Option<i32>,
}

/// An empty folder with a profile in it.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("story_shell").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("cpu.prof"), encode(&profile())).unwrap();
    folder
}

/// Seven seconds: four in `count`, two in `split` and one in `main`, which calls both.
fn profile() -> Profile {
    let mut builder = Builder::new(vec![ValueType::new("samples", "count"), ValueType::new("cpu", "nanoseconds")]);
    let mapping = Mapping { filename: "/bin/words".into(), has_functions: true, ..Mapping::default() };
    let mapping = builder.mapping(mapping);
    let mut location = |name: &str, address| {
        let function = Function { name: name.into(), system_name: name.into(), ..Function::default() };
        let function = builder.function(function);
        let lines = vec![Line { function, line: 1, column: 0 }];
        builder.location(Location { mapping: Some(mapping), address, lines, ..Location::default() })
    };
    let [main, split, count] = [("main", 1), ("split", 2), ("count", 3)].map(|(name, at)| location(name, at));
    let no_labels = builder.label_set(&[]);
    for (stack, seconds) in [(vec![count, main], 4), (vec![split, main], 2), (vec![main], 1)] {
        builder.add(&stack, no_labels, &[seconds, seconds * 1_000_000_000]);
    }
    Profile { duration_nanos: 10_000_000_000, ..builder.finish() }
}

fn told(folder: &Path, arguments: &[&str], input: impl AsRef<[u8]>) -> Told {
    let mut command = Command::new(prof_tests::tool());
    command.args(["prof", "pprof"]).args(arguments).current_dir(folder);
    command.env("HOME", folder).env("PPROF_TMPDIR", folder.join("saved")).env("PATH", folder);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // It may end before it has read all.
    let _ = child.stdin.take().unwrap().write_all(input.as_ref());
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Told { stdout: text(output.stdout), stderr: text(output.stderr), status: output.status.code() }
}

#[test]
fn one_report_follows_another() {
    let folder = folder("reports");
    let Told { stdout, stderr, status } = told(&folder, &["cpu.prof"], "top1\ntop -cum split\nfoo\nquit\ntop\n");
    assert_eq!(
        stdout,
        "(pprof) Showing nodes accounting for 4s, 57.14% of 7s total\n\
         Showing top 1 nodes out of 3\n      \
         flat  flat%   sum%        cum   cum%\n        \
         4s 57.14% 57.14%         4s 57.14%  count\n\
         (pprof) Active filters:\n   focus=split\n\
         Showing nodes accounting for 2s, 28.57% of 7s total\n      \
         flat  flat%   sum%        cum   cum%\n         \
         0     0%     0%         2s 28.57%  main\n        \
         2s 28.57% 28.57%         2s 28.57%  split\n\
         (pprof) (pprof) "
    );
    assert_eq!(stderr, format!("{GREETING}unrecognized command: \"foo\"\n"));
    assert_eq!(status, Some(0));
}

#[test]
fn what_is_set_stays_and_what_is_wrong_does_not_end() {
    let folder = folder("settings");
    let lines = "samples\ncum\nnodecount=x\nhide = count //: a comment\no\n:\ntop 1\nsample_index=foo\no";
    let Told { stdout, stderr, status } = told(&folder, &["-unit=count", "cpu.prof"], lines);
    let reported = "\
        (pprof) Showing nodes accounting for 1, 14.29% of 7 total\n\
        Showing top 1 nodes out of 3\n      \
        flat  flat%   sum%        cum   cum%\n         \
        1 14.29% 14.29%          7   100%  main\n";
    assert_eq!(stdout, format!("{}{reported}{}", "(pprof) ".repeat(6), "(pprof) ".repeat(3)));
    assert!(stderr.contains("strconv.Atoi: parsing \"x\": invalid syntax\n"), "{stderr}");
    assert!(stderr.contains("sample_index \"foo\" must be one of: [samples cpu]\n"), "{stderr}");
    let (first, second) = stderr.split_once("sample_index \"foo\"").unwrap();
    for line in [
        "  compact_labels            = true                 \n",
        "  sample_index              = samples              //: [samples | cpu]\n",
        "  sort                      = cum                  //: [cum | flat]\n",
    ] {
        assert!(first.contains(line) && second.contains(line), "{line} is not twice in {stderr}");
    }
    assert!(first.contains("  hide                      = count                \n"), "{stderr}");
    assert!(second.contains("  hide                      = \"\"                   \n"), "{stderr}");
    assert_eq!(status, Some(0));
}

#[test]
fn a_report_goes_to_a_file_and_data_never_to_the_shell() {
    let folder = folder("files");
    let Told { stdout, stderr, .. } = told(&folder, &["cpu.prof"], "top 1 >top.txt\nproto\nsvg\nweb\n");
    assert_eq!(stdout, "(pprof) ".repeat(5));
    let no_graphviz =
        "failed to execute dot. Is Graphviz installed? Error: exec: \"dot\": executable file not found in $PATH\n";
    let expected = format!(
        "{GREETING}Generating report in top.txt\nGenerating report in profile001.pb.gz\n{no_graphviz}{no_graphviz}"
    );
    assert_eq!(stderr, expected);
    assert!(fs::read_to_string(folder.join("top.txt")).unwrap().starts_with("Showing nodes accounting for 4s"));
    let written = decode(&fs::read(folder.join("profile001.pb.gz")).unwrap()).unwrap();
    assert_eq!(written.duration_nanos, profile().duration_nanos);
    let help = told(&folder, &["cpu.prof"], "help\nhelp top\nhelp foo\n").stderr;
    assert!(
        help.contains("\n    topproto ") && help.contains("\n    top [n] ") && help.ends_with("Unknown command: foo\n")
    );
}

#[test]
fn a_profile_comes_from_a_server_and_is_saved() {
    let folder = folder("server");
    let server = Server::start();
    let heap = format!("{}/debug/pprof/other?gc=1", server.address);
    let Told { stdout, stderr, status } = told(&folder, &["-seconds=1", &server.address, "cpu.prof"], "top1\n");
    assert!(stdout.starts_with("(pprof) Showing nodes accounting for 8s, 57.14% of 14s total\n"), "{stdout}");
    let saved = folder.join("saved/pprof.words.samples.cpu.001.pb.gz");
    let expected = format!(
        "Fetching profile over HTTP from http://{}/debug/pprof/profile?seconds=1\nPlease wait... (1s)\n\
         Saved profile in {}\n",
        server.address,
        saved.display()
    );
    assert!(stderr.starts_with(&expected), "{stderr}");
    assert_eq!(status, Some(0));
    assert!(decode(&fs::read(saved).unwrap()).is_ok());

    // One of two that fails is told of, and stops nothing.
    let Told { stdout, stderr, status } = told(&folder, &["-top", &heap, "cpu.prof"], "");
    let expected = format!(
        "Fetching profile over HTTP from http://{heap}\n{heap}: server response: 500 Internal Server Error - busy\n\
         Fetched 1 source profiles out of 2\n"
    );
    assert_eq!(stderr, expected);
    assert!(stdout.contains("Showing nodes accounting for 7s, 100% of 7s total\n"), "{stdout}");
    assert_eq!(status, Some(0));

    let Told { stderr, status, .. } = told(&folder, &["-top", "127.0.0.1:1/p"], "");
    let refused = "127.0.0.1:1/p: Get \"http://127.0.0.1:1/p\": dial tcp 127.0.0.1:1: connect: connection refused\n";
    assert!(stderr.ends_with(&format!("{refused}failed to fetch any source profiles\n")), "{stderr}");
    assert_eq!(status, Some(2));
}

#[test]
fn a_profile_comes_through_a_pipe() {
    let folder = folder("pipe");
    let from_file = told(&folder, &["-top", "cpu.prof"], "");
    assert_eq!(from_file.status, Some(0), "{}", from_file.stderr);
    for pipe in ["-", "/dev/stdin"] {
        let Told { stdout, stderr, status } = told(&folder, &["-top", pipe], encode(&profile()));
        assert_eq!((stdout, status), (from_file.stdout.clone(), Some(0)), "{pipe}: {stderr}");
    }
}

#[test]
fn what_perf_recorded_is_converted_by_a_program_of_its_own() {
    let folder = folder("perf");
    fs::write(folder.join("perf.data"), "PERFILE2 and more").unwrap();
    let Told { stderr, status, .. } = told(&folder, &["-top", "perf.data"], "");
    let expected = "Converting perf.data to a profile.proto... (May take a few minutes)\n\
                    perf.data: failed to convert perf.data file. Try github.com/google/perf_data_converter: \
                    exec: \"perf_to_profile\": executable file not found in $PATH\n\
                    failed to fetch any source profiles\n";
    assert_eq!((&*stderr, status), (expected, Some(2)));
}

/// A server of profiles on this machine.
struct Server {
    address: String,
}

impl Server {
    /// A server that has a CPU profile where Go's has it, and nothing else.
    fn start() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        thread::spawn(move || listener.incoming().flatten().for_each(answer));
        Server { address }
    }
}

fn answer(mut stream: TcpStream) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let request = lines.next().unwrap_or_default();
    // Until the empty line, or the client would be cut off.
    lines.find(String::is_empty);
    let (status, kind, body) = if request.starts_with("GET /debug/pprof/profile?seconds=1 ") {
        ("200 OK", "application/octet-stream", encode(&profile()))
    } else {
        ("500 Internal Server Error", "text/plain; charset=utf-8\r\nX-Go-Pprof: 1", b"busy\n".to_vec())
    };
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body)).unwrap();
}
