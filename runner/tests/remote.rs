//! Checkpoints by URL: fetched once, fetched again when they change, and never half.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use basin_core::checkpoint::{Checkpoint, NamedTensor, StateDict};
use basin_core::file::digest;
use serde_json::Value;

use crate::common::server::{Reply, Request, Server, Then, honest};
use crate::common::*;

const FILE: &str = "/runs/ckpt-E002.safetensors";
const TUNED: &str = "demo/Shapes_clipart/fixup_resnet18/finetune";

/// The program with a cache of its own, and none of the credentials that this user has.
fn program(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = runner(folder);
    let variables = std::env::vars().map(|(name, _)| name);
    for name in variables.filter(|name| name.starts_with("AWS_") || name.starts_with("GOOGLE_")) {
        command.env_remove(name);
    }
    command.args(arguments).env("BASIN_CACHE", folder.join("cache")).env("NO_PROXY", "127.0.0.1");
    command
}

fn inspect(folder: &Path, url: &str) -> Command {
    program(folder, &["checkpoint", "inspect", "--names", url])
}

/// A file of one tensor that holds a value.
fn bytes(value: f32) -> Vec<u8> {
    let here = folder();
    let path = here.path().join("small.safetensors");
    let tensor = NamedTensor { name: "fc.bias".to_owned(), shape: vec![500], data: vec![value; 500] };
    let metadata = [("value".to_owned(), value.to_string())].into_iter().collect();
    Checkpoint { state: StateDict { tensors: vec![tensor] }, metadata }.save(&path).unwrap();
    fs::read(path).unwrap()
}

/// As a store answers: with a tag of the content, and with nothing if the tag is known.
fn store(file: &[u8], request: &Request) -> Reply {
    let tag = format!("\"{}\"", &digest(file)[..8]);
    let reply = match request.headers.get("if-none-match") {
        Some(known) if *known == tag => Reply::status(304),
        _ => honest(file, request),
    };
    reply.header(format!("ETag: {tag}")).header("Last-Modified: Wed, 21 Oct 2015 07:28:00 GMT")
}

/// Names of the files that the cache believes in.
fn cached(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder.join("cache/checkpoints")).into_iter().flatten();
    files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_checkpoint_is_fetched_once_and_again_when_it_has_changed() {
    let here = folder();
    // Only the third request finds another file.
    let server = Server::start(|request| store(&bytes(if request.before < 2 { 1.0 } else { 2.0 }), request));
    let url = server.address.clone() + FILE;
    let first = success(inspect(here.path(), &url));
    assert!(first.starts_with(&format!("{url}: safetensors\nvalue: 1\n")), "{first}");
    assert_eq!(cached(here.path()), [digest(bytes(1.0)) + ".safetensors"]);
    assert_eq!(success(inspect(here.path(), &url)), first);
    assert!(success(inspect(here.path(), &url)).contains("value: 2\n"));
    assert_eq!(cached(here.path()).len(), 2);
    let known: Vec<bool> =
        server.requests.lock().unwrap().iter().map(|r| r.headers.contains_key("if-none-match")).collect();
    assert_eq!(known, [false, true, true]);

    // A copy that is not what was fetched is fetched again.
    let copy = here.path().join("cache/checkpoints").join(digest(bytes(2.0)) + ".safetensors");
    fs::write(&copy, &bytes(2.0)[..100]).unwrap();
    assert!(success(inspect(here.path(), &url)).contains("value: 2\n"));
    assert_eq!(fs::read(copy).unwrap(), bytes(2.0));
}

#[test]
fn a_query_is_sent_and_is_no_part_of_the_name() {
    let here = folder();
    let server = Server::start(|request| match request.path.split_once('?') {
        Some((FILE, "signature=a%2Fb")) => Reply::whole(&bytes(1.0)),
        _ => Reply::status(403),
    });
    let url = server.address.clone() + FILE;
    let mut signed = inspect(here.path(), &format!("{url}?signature=a%2Fb"));
    let output = signed.output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(stderr(&output), format!("downloading {url}\n"));
    assert_eq!(cached(here.path()), [digest(bytes(1.0)) + ".safetensors"]);
    failure(inspect(here.path(), &url), 3, &[&url, "may not be read", "a signed address"]);
}

#[test]
fn a_cut_connection_goes_on_where_it_was_or_leaves_nothing() {
    let here = folder();
    let half = bytes(1.0).len() / 2;
    let server = Server::start(|request| {
        let reply = store(&bytes(1.0), request);
        if request.before == 0 { reply.half(Then::Close) } else { reply }
    });
    assert!(success(inspect(here.path(), &(server.address.clone() + FILE))).contains("value: 1\n"));
    assert_eq!(server.asked(FILE), [None, Some(half)]);

    // Without a tag nobody knows whether the rest belongs to the start.
    let here = folder();
    let server = Server::start(|request| {
        let reply = honest(&bytes(1.0), request);
        if request.before == 0 { reply.half(Then::Close) } else { reply }
    });
    let url = server.address.clone() + FILE;
    failure(inspect(here.path(), &url), 3, &[&url, "did not come whole", "run the same command again"]);
    assert_eq!(cached(here.path()), [""; 0]);
    assert!(success(inspect(here.path(), &url)).contains("value: 1\n"));
    assert_eq!(server.asked(FILE), [None, None]);
}

#[test]
fn a_signal_ends_a_download_that_says_nothing() {
    let here = folder();
    let server = Server::start(|request| store(&bytes(1.0), request).half(Then::Stall));
    let mut command = inspect(here.path(), &(server.address.clone() + FILE));
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    let start = Instant::now();
    while server.asked(FILE).is_empty() {
        assert!(start.elapsed() < Duration::from_secs(60), "nothing is asked for");
        thread::sleep(Duration::from_millis(10));
    }
    Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143));
    assert!(start.elapsed() < Duration::from_secs(10));
    assert_eq!(cached(here.path()), [""; 0]);
}

#[test]
fn without_a_connection_the_copy_is_used_and_told() {
    let here = folder();
    let server = Server::start(|request| match request.before {
        0 => store(&bytes(1.0), request),
        _ => Reply::status(503),
    });
    let url = server.address.clone() + FILE;
    let first = success(inspect(here.path(), &url));
    let output = inspect(here.path(), &url).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), first);
    let told = stderr(&output);
    assert!(
        told.contains(&url) && told.contains("503") && told.contains("copy that was fetched before"),
        "{told}"
    );

    fs::remove_dir_all(here.path().join("cache")).unwrap();
    failure(inspect(here.path(), &url), 3, &[&url, "503", "check the address and the connection"]);
    let nobody = "http://127.0.0.1:1/ckpt.pth";
    failure(inspect(here.path(), nobody), 3, &[nobody, "refused", "check the address and the connection"]);
}

#[test]
fn what_is_wrong_with_a_url_is_one_sentence() {
    let here = folder();
    let server = Server::start(|request| match request.path.as_str() {
        "/page.safetensors" => Reply::whole(b"<html>Moved</html>"),
        "/private.pth" => Reply::status(401),
        _ => Reply::status(404),
    });
    let at = |path: &str| server.address.clone() + path;
    let wrong = |url: &str, parts: &[&str]| failure(inspect(here.path(), url), 3, &[&[url], parts].concat());
    wrong(&at(FILE), &["there is no", "check the address"]);
    wrong(&at("/private.pth"), &["may not be read"]);
    wrong(&at("/page.safetensors"), &["is a web page", "download the file again"]);
    wrong("ftp://host/ckpt.pth", &["s3://, gs://, https://", "download the file"]);
    wrong("https://", &["cannot be used"]);
    wrong("s3://bucket", &["cannot be used"]);
    let convert = program(here.path(), &["checkpoint", "convert", &at(FILE), "s3://bucket/ckpt.pth"]);
    failure(convert, 2, &["s3://bucket/ckpt.pth", "name one to convert to"]);
    let measure = program(here.path(), &["eval", &at(FILE)]);
    failure(measure, 2, &[FILE, "lies in no run", "-k KEY"]);
    assert_eq!(fs::read_dir(here.path()).unwrap().count(), 1, "only the cache");
}

/// The small run, and a server of its checkpoints.
fn trained(folder: &Path) -> Server {
    success(train(folder, &[]));
    let files = [0, 2].map(|epoch| {
        (
            format!("/runs/ckpt-E00{epoch}.safetensors"),
            fs::read(checkpoint(folder, &format!("ckpt-E00{epoch}"))).unwrap(),
        )
    });
    Server::start(move |request| {
        match files.iter().find(|(path, _)| request.path.split('?').next() == Some(path)) {
            Some((_, bytes)) => store(bytes, request),
            None => Reply::status(404),
        }
    })
}

#[test]
fn runs_start_from_urls_and_analyses_take_them() {
    let here = folder();
    let server = trained(here.path());
    let url = server.address.clone() + FILE;
    let own = checkpoint(here.path(), "ckpt-E002");
    let tune = |source: &str| {
        let mut command =
            program(here.path(), &["-k", TUNED, "--set", &format!("train.finetune_from={source}")]);
        SMALL.iter().for_each(|setting| {
            command.args(["--set", setting]);
        });
        command
    };
    success(tune(&url));
    let record = fs::read_to_string(here.path().join("experiments").join(TUNED).join("run.ron")).unwrap();
    let sha256 = digest(fs::read(&own).unwrap());
    assert!(record.contains(&url) && record.contains(&sha256), "{record}");
    // The same weights may lie elsewhere; others may not, and a run that is done asks nobody.
    let before = server.asked(FILE).len();
    success(tune(&url));
    assert_eq!(server.asked(FILE).len(), before);
    success(tune(&own.display().to_string()));
    let other = url.replace("E002", "E000");
    failure(tune(&other), 2, &["train.finetune_from", &other, "is another checkpoint"]);

    let small: Vec<&str> = SMALL.iter().flat_map(|setting| ["--set", setting]).collect();
    let analyse = |arguments: &[&str]| {
        let text = success(program(here.path(), &[arguments, &["-k", KEY, "--json"], &small].concat()));
        serde_json::from_str::<Value>(&text).unwrap()
    };
    let here_and_there =
        [own.to_str().unwrap(), &url].map(|path| analyse(&["eval", path])["accuracy"].clone());
    assert_eq!(here_and_there[0], here_and_there[1]);
    let before = server.asked(FILE).len();
    let distances = &analyse(&["distance", &url, own.to_str().unwrap(), &other])["result"];
    assert_eq!(distances["networks"][0]["path"], url);
    assert_eq!(distances["networks"][0]["sha256"], sha256);
    assert_eq!(distances["pairs"][0]["distance"]["global"]["l2"], 0.0);
    // A command asks once, however often it reads.
    assert_eq!(server.asked(FILE).len(), before + 1);
    // Epoch 0 lies beside it.
    let rewound = analyse(&["rewind", &url, "--modules", "head"]);
    assert_eq!(rewound["rewound"][0]["origin"]["Checkpoint"]["path"], other);
    let results = here.path().join("experiments/analysis");
    assert!(results.join("distance").is_dir() && results.join("rewinding").is_dir());
    let path = program(
        here.path(),
        &[&["criticality", "--paths", "optimisation", &url, "-k", KEY], small.as_slice()].concat(),
    );
    failure(path, 3, &[&url, "download the run's folder"]);

    // What opens a URL is stored nowhere, and the run still goes on.
    fs::remove_dir_all(here.path().join("experiments").join(TUNED)).unwrap();
    let signed = format!("{url}?signature=secret");
    success(tune(&signed));
    analyse(&["distance", &signed, own.to_str().unwrap()]);
    let mut more = tune(&signed);
    more.args(["--set", "train.epochs=3"]);
    success(more);
    let holding =
        Command::new("grep").args(["-r", "-l", "secret", "."]).current_dir(here.path()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&holding.stdout), "");
}

/// A store of one bucket, which knows one key.
fn bucket(request: &Request) -> Reply {
    let signed = request.headers.get("authorization").is_some_and(|by| by.contains("Credential=AKID/"));
    let refused = |status, code: &str| {
        let body = format!("<?xml version=\"1.0\"?>\n<Error><Code>{code}</Code></Error>\n");
        Reply { status, ..Reply::whole(body.as_bytes()) }
    };
    match request.path.as_str() {
        _ if !signed && !request.path.starts_with("/public/") => refused(403, "InvalidAccessKeyId"),
        "/weights/runs/ckpt-E002.safetensors" | "/public/runs/ckpt-E002.safetensors" => {
            store(&bytes(1.0), request)
        }
        path if path.starts_with("/weights/") => refused(404, "NoSuchKey"),
        _ => refused(404, "NoSuchBucket"),
    }
}

#[test]
fn s3_is_asked_with_the_credentials_of_the_environment() {
    let here = folder();
    let server = Server::start(bucket);
    let s3 = |url: &str, key: &str| {
        let mut command = inspect(here.path(), url);
        command.env("AWS_ENDPOINT_URL", &server.address).env("AWS_ALLOW_HTTP", "true");
        command.env("AWS_ACCESS_KEY_ID", key).env("AWS_SECRET_ACCESS_KEY", "secret");
        command
    };
    let url = "s3://weights/runs/ckpt-E002.safetensors";
    failure(s3(url, "OTHER"), 3, &[url, "may not be read", "AWS_ACCESS_KEY_ID"]);
    let shown = success(s3(url, "AKID"));
    assert!(shown.starts_with(&format!("{url}: safetensors\nvalue: 1\n")), "{shown}");
    let (none, nowhere) = ("s3://weights/ckpt-E009.pth", "s3://wieghts/ckpt-E002.pth");
    failure(s3(none, "AKID"), 3, &[none, "there is no"]);
    failure(s3(nowhere, "AKID"), 3, &[nowhere, "no bucket wieghts"]);
    let mut public = inspect(here.path(), "s3://public/runs/ckpt-E002.safetensors");
    public
        .env("AWS_ENDPOINT_URL", &server.address)
        .env("AWS_ALLOW_HTTP", "true")
        .env("AWS_SKIP_SIGNATURE", "true");
    success(public);
    let mut nobody = inspect(here.path(), none);
    nobody.env("AWS_METADATA_ENDPOINT", "http://127.0.0.1:1");
    failure(nobody, 3, &[none, "there are no credentials", "set AWS_ACCESS_KEY_ID"]);
}

#[test]
fn google_is_asked_too() {
    let here = folder();
    let server = Server::start(|request| match request.path.as_str() {
        // Whatever is no letter or digit is escaped.
        "/weights/runs%2Fckpt%2DE002%2Esafetensors" => store(&bytes(1.0), request),
        _ => Reply::status(404),
    });
    let google = |url: &str| {
        let account = format!(
            r#"{{"gcs_base_url":"{}","disable_oauth":true,"client_email":"","private_key":"","private_key_id":""}}"#,
            server.address
        );
        let mut command = inspect(here.path(), url);
        command.env("GOOGLE_SERVICE_ACCOUNT_KEY", account);
        command
    };
    let url = "gs://weights/runs/ckpt-E002.safetensors";
    assert!(success(google(url)).starts_with(&format!("{url}: safetensors\nvalue: 1\n")));
    failure(google("gs://weights/none.pth"), 3, &["gs://weights/none.pth", "there is no"]);
}
