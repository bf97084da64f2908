//! Checkpoints of the Hugging Face hub: fetched into the cache of Python's library, with a token that only the hub sees.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use basin_core::checkpoint::{Checkpoint, NamedTensor, StateDict};
use basin_core::file::digest;
use serde_json::{Value, json};

use crate::common::hub::{COMMIT, Hub};
use crate::common::server::{Reply, Request, Server, Then};
use crate::common::*;

const PLACE: &str = "hf://lab/shapes";
const WEIGHTS: &str = "model.safetensors";
const TOKEN: &str = "hf_onlyTheHubSeesThis";
const TUNED: &str = "demo/Shapes_clipart/fixup_resnet18/finetune";

/// The program with a cache of its own, and nothing of what this user has set for the hub.
fn program(folder: &Path, hub: &str, arguments: &[&str]) -> Command {
    let mut command = runner(folder);
    for (name, _) in
        std::env::vars().filter(|(name, _)| name.starts_with("HF_") || name.starts_with("HUGGING"))
    {
        command.env_remove(name);
    }
    command
        .args(arguments)
        .env("HF_HOME", folder.join("hf"))
        .env("HF_ENDPOINT", hub)
        .env("NO_PROXY", "127.0.0.1");
    command
}

fn inspect(folder: &Path, hub: &Hub, place: &str) -> Command {
    program(folder, &hub.endpoint.address, &["checkpoint", "inspect", "--names", place])
}

/// A file of one tensor that holds a value.
fn bytes(name: &str, value: f32) -> Vec<u8> {
    let here = folder();
    let path = here.path().join("small.safetensors");
    let tensor = NamedTensor { name: name.to_owned(), shape: vec![500], data: vec![value; 500] };
    let metadata = [("value".to_owned(), value.to_string())].into_iter().collect();
    Checkpoint { state: StateDict { tensors: vec![tensor] }, metadata }.save(&path).unwrap();
    fs::read(path).unwrap()
}

/// The repository's folder in the cache.
fn cache(folder: &Path) -> PathBuf {
    folder.join("hf/hub/models--lab--shapes")
}

/// What timm says of a network.
fn config(mean: f32) -> Vec<u8> {
    let size = [3, 32, 32];
    json!({
        "architecture": "fixup_resnet18",
        "pretrained_cfg": { "mean": [mean, mean, mean], "std": [0.5, 0.5, 0.5], "input_size": size, "crop_pct": 0.875 },
    })
    .to_string()
    .into_bytes()
}

#[test]
fn a_checkpoint_lies_where_python_looks_for_it_and_its_bytes_come_once() {
    let here = folder();
    let (weights, other) = (bytes("fc.bias", 1.0), bytes("fc.bias", 2.0));
    let files = vec![(WEIGHTS, weights.clone()), ("config.json", config(0.5)), ("old/a.safetensors", other)];
    let hub = Hub::of("lab/shapes", files);
    let output = inspect(here.path(), &hub, PLACE).output().unwrap();
    let first = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(
        first.starts_with(&format!("{PLACE}: safetensors\nvalue: 1\nimages were prepared with mean [0.5")),
        "{first}"
    );
    let said = stderr(&output);
    assert_eq!(said, format!("downloading {PLACE}/{WEIGHTS}\ndownloading {PLACE}/config.json\n"));

    let cache = cache(here.path());
    assert_eq!(fs::read_to_string(cache.join("refs/main")).unwrap(), COMMIT);
    let snapshot = cache.join("snapshots").join(COMMIT);
    let blob = Path::new("../../blobs").join(digest(&weights));
    assert_eq!(fs::read_link(snapshot.join(WEIGHTS)).unwrap(), blob);
    assert_eq!(fs::read(snapshot.join(WEIGHTS)).unwrap(), weights);
    assert_eq!(fs::read(snapshot.join("config.json")).unwrap(), config(0.5));
    assert_eq!(fs::read_dir(cache.join("blobs")).unwrap().count(), 2);

    // One question says that nothing has changed.
    let (sent, asked) = (hub.sent(), hub.asked().len());
    assert_eq!(success(inspect(here.path(), &hub, PLACE)), first);
    assert_eq!(hub.asked()[asked..], [format!("HEAD /lab/shapes/resolve/main/{WEIGHTS}")]);
    // A commit does not change.
    let place = format!("hf-hub:lab/shapes@{COMMIT}");
    assert!(success(inspect(here.path(), &hub, &place)).starts_with(&place));
    assert_eq!((hub.sent(), hub.asked().len()), (sent, asked + 1));

    let place = format!("{PLACE}@v1/old/a.safetensors");
    assert!(
        success(inspect(here.path(), &hub, &place)).starts_with(&format!("{place}: safetensors\nvalue: 2\n"))
    );
    let link = fs::read_link(snapshot.join("old/a.safetensors")).unwrap();
    assert!(link.starts_with("../../../blobs"), "{link:?}");
    assert_eq!(fs::read_to_string(cache.join("refs/v1")).unwrap(), COMMIT);

    // A file that is cut off is fetched again.
    fs::write(cache.join("blobs").join(digest(&weights)), &weights[..100]).unwrap();
    assert_eq!(success(inspect(here.path(), &hub, PLACE)), first);
    assert_eq!(fs::read(snapshot.join(WEIGHTS)).unwrap(), weights);
}

#[test]
fn the_token_goes_to_the_hub_and_to_nobody_else() {
    let here = folder();
    let hub = Hub::of("lab/shapes", vec![(WEIGHTS, bytes("fc.bias", 1.0))]);
    let given = |folder: &Path| {
        let mut command = inspect(folder, &hub, PLACE);
        command.env("HF_TOKEN", TOKEN);
        command
    };
    let output = given(here.path()).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let bearer = format!("Bearer {TOKEN}");
    let is_told = |request: &Request| request.headers.get("authorization") == Some(&bearer);
    assert!(hub.endpoint.requests.lock().unwrap().iter().all(is_told));
    let is_silent = |request: &Request| !request.headers.contains_key("authorization");
    assert!(hub.sent() == 1 && hub.storage.requests.lock().unwrap().iter().all(is_silent));
    let holding =
        Command::new("grep").args(["-r", "-l", TOKEN, "."]).current_dir(here.path()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&holding.stdout), "");

    // From the file that Python's login writes; another server of the same machine is another one.
    let here = folder();
    fs::create_dir(here.path().join("hf")).unwrap();
    fs::write(here.path().join("hf/token"), format!("{TOKEN}\n")).unwrap();
    success(inspect(here.path(), &hub, PLACE));
    assert!(hub.endpoint.requests.lock().unwrap().iter().all(is_told));
    assert!(hub.sent() == 2 && hub.storage.requests.lock().unwrap().iter().all(is_silent));

    // A hub that says nothing of a file sends elsewhere to ask.
    let (here, storage) = (folder(), hub.endpoint.address.clone());
    let mirror = Server::start(move |request| {
        Reply::status(308).header(format!("Location: {storage}{}", request.path))
    });
    let before = hub.asked().len();
    let mut command = given(here.path());
    command.env("HF_ENDPOINT", &mirror.address);
    success(command);
    assert!(mirror.requests.lock().unwrap().iter().all(is_told));
    assert!(hub.endpoint.requests.lock().unwrap()[before..].iter().all(is_silent));
    let mut command = given(here.path());
    command.env("HF_TOKEN", "two\nlines");
    let message = failure(command, 2, &["the token for the hub", "HF_TOKEN"]);
    assert!(!message.contains("lines"), "{message}");
}

#[test]
fn a_cut_download_goes_on_where_it_was_and_is_what_the_hub_names() {
    let here = folder();
    let weights = bytes("fc.bias", 1.0);
    let (half, path) = (weights.len() / 2, format!("/{}?signature=abc", digest(&weights)));
    let cut =
        |request: &Request, reply: Reply| if request.before == 0 { reply.half(Then::Close) } else { reply };
    let hub = Hub::with("lab/shapes", vec![(WEIGHTS, weights.clone())], |_| None, cut);
    assert!(success(inspect(here.path(), &hub, PLACE)).contains("value: 1\n"));
    assert_eq!(hub.storage.asked(&path), [None, Some(half)]);

    // What another process has left, Python or not.
    let here = folder();
    let blobs = cache(here.path()).join("blobs");
    let part = blobs.join(digest(&weights) + ".incomplete");
    fs::create_dir_all(&blobs).unwrap();
    fs::write(&part, &weights[..half]).unwrap();
    assert!(success(inspect(here.path(), &hub, PLACE)).contains("value: 1\n"));
    assert_eq!(hub.storage.asked(&path)[2..], [Some(half)]);
    assert!(!part.exists());

    let here = folder();
    let part = cache(here.path()).join("blobs").join(digest(&weights) + ".incomplete");
    fs::create_dir_all(part.parent().unwrap()).unwrap();
    fs::write(&part, vec![0; half]).unwrap();
    failure(inspect(here.path(), &hub, PLACE), 3, &[PLACE, "SHA-256", "run the same command again"]);
    assert!(!part.exists() && success(inspect(here.path(), &hub, PLACE)).contains("value: 1\n"));

    let here = folder();
    let never = |_: &Request, reply: Reply| Reply { body: Vec::new(), ..reply };
    let hub = Hub::with("lab/shapes", vec![(WEIGHTS, weights)], |_| None, never);
    let message =
        failure(inspect(here.path(), &hub, PLACE), 3, &[PLACE, "did not come whole", "again to go on"]);
    assert!(!message.contains("signature"), "{message}");
}

#[test]
fn shards_come_with_their_index() {
    let index = |second: &str| {
        let map = json!({ "a.bias": "model-00001-of-00002.safetensors", "b.bias": second });
        json!({ "metadata": {}, "weight_map": map }).to_string().into_bytes()
    };
    let second = "model-00002-of-00002.safetensors";
    let files = |index: Vec<u8>| {
        vec![
            ("model.safetensors.index.json", index),
            ("model-00001-of-00002.safetensors", bytes("a.bias", 1.0)),
            ("model-00002-of-00002.safetensors", bytes("b.bias", 2.0)),
        ]
    };
    let here = folder();
    let hub = Hub::of("lab/shapes", files(index(second)));
    let shown = success(inspect(here.path(), &hub, PLACE));
    assert!(shown.contains("a.bias") && shown.contains("b.bias") && shown.contains("sharded"), "{shown}");
    assert_eq!(hub.sent(), 2);
    let mut offline = inspect(here.path(), &hub, PLACE);
    offline.env("HF_HUB_OFFLINE", "1");
    assert_eq!(success(offline), shown);

    for (name, part) in
        [("../../../../a.safetensors", "no file beside it"), ("b.safetensors", "is not there")]
    {
        let here = folder();
        let hub = Hub::of("lab/shapes", files(index(name)));
        failure(inspect(here.path(), &hub, PLACE), 3, &[PLACE, name, part]);
        assert_eq!(hub.asked().iter().filter(|asked| asked.contains("a.safetensors")).count(), 0);
    }
}

#[test]
fn without_a_file_the_weights_are_found_by_their_usual_names() {
    let here = folder();
    let hub = Hub::of(
        "lab/shapes",
        vec![("open_clip_model.safetensors", bytes("fc.bias", 1.0)), ("a.pth", Vec::new())],
    );
    assert!(success(inspect(here.path(), &hub, PLACE)).contains("value: 1\n"));

    let here = folder();
    let hub = Hub::of(
        "lab/shapes",
        vec![("epoch9.safetensors", bytes("fc.bias", 9.0)), ("config.json", config(0.5))],
    );
    assert!(success(inspect(here.path(), &hub, PLACE)).contains("value: 9\n"));

    let files = ["a.pth", "runs/b.safetensors", "training.log"].map(|name| (name, Vec::new())).to_vec();
    let hub = Hub::of("lab/shapes", files);
    let choice = format!("choose one of {PLACE}/a.pth, {PLACE}/runs/b.safetensors\n");
    let wrong =
        |place: &str, hub: &Hub, part: &str| failure(inspect(here.path(), hub, place), 3, &[place, part]);
    let message = wrong(PLACE, &hub, "there is no model.safetensors in");
    assert!(message.ends_with(&choice), "{message}");
    assert!(wrong(&format!("{PLACE}/c.pth"), &hub, "there is no").ends_with(&choice));
    wrong(PLACE, &Hub::of("lab/shapes", vec![("README.md", Vec::new())]), "has no checkpoints");
}

#[test]
fn what_is_wrong_with_a_place_on_the_hub_is_one_sentence() {
    let here = folder();
    let answer = |request: &Request| {
        let refused =
            |status, code: &str| Some(Reply::status(status).header(format!("X-Error-Code: {code}")));
        match request.path.split('/').nth(1)? {
            "gated" => refused(403, "GatedRepo"),
            "private" => Some(Reply::status(401)),
            "page" => Some(Reply::whole(b"<html>Sign in</html>")),
            "old" => Some(Reply::status(404)),
            _ => None,
        }
    };
    let hub =
        Hub::with("lab/shapes", vec![(WEIGHTS, b"<html>Moved</html>".to_vec())], answer, |_, reply| reply);
    let wrong = |place: &str, parts: &[&str]| {
        failure(inspect(here.path(), &hub, place), 3, &[&[place], parts].concat());
    };
    wrong("hf://lab/none", &["there is no", "or it is private", "set HF_TOKEN"]);
    wrong("hf://gated/x", &["is gated", "accept its conditions at", "/gated/x", "set HF_TOKEN"]);
    wrong("hf://private/x", &["may not be read", "set HF_TOKEN"]);
    wrong("hf://old/x", &["there is no", "check the name"]);
    wrong("hf://page/x", &["does not answer as a hub does", "check the connection and HF_ENDPOINT"]);
    failure(
        inspect(here.path(), &hub, &format!("{PLACE}@v9")),
        3,
        &[PLACE, "no revision v9", "check the branch"],
    );
    wrong(PLACE, &["is a web page"]);
    let asked = hub.asked().len();
    wrong("hf://lab", &["owner and a name", "write hf://owner/name"]);
    wrong("hf://lab/shapes@a b", &["revision"]);
    wrong("hf://lab/shapes/../../secret", &["leads out of the repository"]);
    wrong("hf://datasets/lab/shapes", &["repositories of models"]);
    assert_eq!(hub.asked().len(), asked, "what can be no place is not asked for");

    let with_token = |place: &str| {
        let mut command = inspect(here.path(), &hub, place);
        command.env("HF_TOKEN", TOKEN);
        command
    };
    let message = failure(with_token("hf://private/x"), 3, &["may not be read", "another token"]);
    assert!(!message.contains(TOKEN), "{message}");
    failure(program(here.path(), "nowhere", &["checkpoint", "inspect", PLACE]), 2, &["HF_ENDPOINT"]);
    let convert =
        program(here.path(), &hub.endpoint.address, &["checkpoint", "convert", PLACE, "hf://lab/new/a.pth"]);
    failure(convert, 2, &["hf://lab/new/a.pth", "name one to convert to"]);
    let measure = program(here.path(), &hub.endpoint.address, &["eval", PLACE]);
    failure(measure, 2, &[PLACE, "lies in no run", "-k KEY"]);
}

#[test]
fn without_a_connection_the_cache_is_used_and_told() {
    let here = folder();
    let hub = Hub::of("lab/shapes", vec![(WEIGHTS, bytes("fc.bias", 1.0)), ("b.pth", bytes("fc.bias", 2.0))]);
    let first = success(inspect(here.path(), &hub, PLACE));
    let asked = hub.asked().len();
    let away = |place: &str| {
        program(here.path(), "http://127.0.0.1:1", &["checkpoint", "inspect", "--names", place])
    };
    let offline = |place: &str| {
        let mut command = inspect(here.path(), &hub, place);
        command.env("HF_HUB_OFFLINE", "true");
        command
    };
    for (mut command, reason) in [(away(PLACE), "refused"), (offline(PLACE), "HF_HUB_OFFLINE is set")] {
        let output = command.output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), first);
        let told = stderr(&output);
        assert!(
            told.contains(PLACE) && told.contains(reason) && told.contains("copy in the cache"),
            "{told}"
        );
        assert_eq!(told.lines().count(), 1, "{told}");
    }
    let other = format!("{PLACE}/b.pth");
    let known = format!("has only {PLACE}@{COMMIT}/{WEIGHTS}");
    failure(away(&other), 3, &[&other, "refused", &known, "check the connection and HF_ENDPOINT"]);
    failure(offline(&other), 3, &[&other, "HF_HUB_OFFLINE is set", &known, "unset HF_HUB_OFFLINE"]);
    failure(offline("hf://lab/none"), 3, &["hf://lab/none", "has nothing of", "unset HF_HUB_OFFLINE"]);
    assert_eq!(hub.asked().len(), asked);
}

/// The small run's last checkpoint, and the same without metadata.
fn trained(folder: &Path) -> (PathBuf, [Vec<u8>; 2]) {
    success(train(folder, &FIXUP));
    let own = checkpoint(folder, "ckpt-E002");
    let mut convert = runner(folder);
    convert.args(["checkpoint", "convert", own.to_str().unwrap(), "bare.pth"]);
    success(convert);
    let files = [own.clone(), folder.join("bare.pth")].map(|path| fs::read(path).unwrap());
    (own, files)
}

#[test]
fn runs_start_from_the_hub_and_analyses_take_it() {
    let here = folder();
    let (own, [weights, _]) = trained(here.path());
    let sha256 = digest(&weights);
    let hub = Hub::of("lab/shapes", vec![(WEIGHTS, weights), ("config.json", config(0.5))]);
    let address = hub.endpoint.address.as_str();
    let small: Vec<&str> = SMALL.iter().flat_map(|setting| ["--set", setting]).chain(FIXUP).collect();
    let tune = || {
        let from = ["-k", TUNED, "--set", "train.finetune_from=hf://lab/shapes"];
        program(here.path(), address, &[&from, small.as_slice()].concat())
    };
    success(tune());
    let record = fs::read_to_string(here.path().join("experiments").join(TUNED).join("run.ron")).unwrap();
    assert!(record.contains("\"hf://lab/shapes\"") && record.contains(&sha256), "{record}");
    // A run that is done asks nobody.
    let asked = hub.asked().len();
    success(tune());
    assert_eq!(hub.asked().len(), asked);

    let analyse = |arguments: &[&str]| {
        let text =
            success(program(here.path(), address, &[arguments, &["-k", KEY, "--json"], &small].concat()));
        serde_json::from_str::<Value>(&text).unwrap()
    };
    let here_and_there =
        [own.to_str().unwrap(), PLACE].map(|place| analyse(&["eval", place])["accuracy"].clone());
    assert_eq!(here_and_there[0], here_and_there[1]);
    let asked = hub.asked().len();
    let distances = &analyse(&["distance", PLACE, own.to_str().unwrap()])["result"];
    assert_eq!(distances["networks"][0]["path"], PLACE);
    assert_eq!(distances["networks"][0]["sha256"], sha256);
    assert_eq!(distances["pairs"][0]["distance"]["global"]["l2"], 0.0);
    // A command asks once, however often it reads.
    assert_eq!(hub.asked().len(), asked + 1);
}

#[test]
fn timm_says_architecture_and_preparation() {
    let here = folder();
    let (own, [_, bare]) = trained(here.path());
    let distance = |hub: &Hub, place: &str| {
        let arguments = ["distance", place, own.to_str().unwrap(), "-o", "distance", "--json"];
        program(here.path(), &hub.endpoint.address, &arguments)
    };
    // By the name of the repository.
    let hub = Hub::of("timm/fixup_resnet18.shapes", vec![("pytorch_model.bin", bare.clone())]);
    let place = "timm:fixup_resnet18.shapes";
    let distances: Value = serde_json::from_str(&success(distance(&hub, place))).unwrap();
    let network = &distances["result"]["networks"][0];
    assert_eq!((&network["path"], &network["sha256"]), (&json!(place), &json!(digest(&bare))));
    assert_eq!(distances["result"]["pairs"][0]["distance"]["global"]["l2"], 0.0);

    // By the file beside the weights, and else not.
    fs::remove_dir_all(here.path().join("distance")).unwrap();
    let hub = Hub::of("lab/shapes", vec![("pytorch_model.bin", bare.clone())]);
    failure(distance(&hub, PLACE), 2, &[PLACE, "of which architecture"]);
    let hub = Hub::of("lab/shapes", vec![("pytorch_model.bin", bare), ("config.json", config(0.5))]);
    success(distance(&hub, PLACE));

    small_domainnet(here.path());
    let mut command = train_domainnet(here.path(), &["--set", "train.finetune_from=hf://lab/shapes"]);
    command.env("HF_HOME", here.path().join("hf")).env("HF_ENDPOINT", &hub.endpoint.address);
    let output = command.env("NO_PROXY", "127.0.0.1").output().unwrap();
    let told = stderr(&output);
    assert!(output.status.success(), "{told}");
    let warning = format!("{PLACE} was trained on images that were prepared otherwise");
    assert!(told.contains(&warning) && told.contains("photo.mean=[0.5,0.5,0.5]"), "{told}");
}
