//! Every command that README.md and docs/ tell a reader to type works, and every link in them leads somewhere.
//!
//! The blocks of a page are typed one after the other into a folder with small data of the names that the pages use. Commands
//! are made small by further options. A block after `<!-- not run in tests: REASON -->` is only held against the options that
//! the programs have.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::common::*;

/// Settings that make training small.
const SMALL: [&str; 5] = [
    "train.epochs=1",
    "train.batch_size=4",
    "train.data_workers=1",
    "data.configs.image_size=16",
    "data.configs.pre_crop_size=18",
];
/// Settings of many runs beside these: an optimisation path needs an epoch between the first and the last.
const SMALL_RUNS: [&str; 2] = ["train.epochs=2", "train.keep_every=1"];
/// What begins the comment before a block that is not run.
const NOT_RUN: &str = "<!-- not run in tests: ";
/// Programs of others in blocks that are not run.
const FOREIGN: [&str; 2] = ["python", "tensorboard"];

#[test]
fn the_first_page() {
    let page = Page::typed("README.md");
    let study = page.here.path().join("experiments/studies/photos");
    assert!(fs::read_to_string(study.join("report.html")).unwrap().contains("P-T 1 to P-T 2"));
}

#[test]
fn training() {
    Page::typed("docs/training.md");
}

#[test]
fn data() {
    Page::typed("docs/data.md");
}

#[test]
fn analyses() {
    Page::typed("docs/analyses.md");
}

#[test]
fn all_other_pages() {
    let own = ["README.md", "docs/training.md", "docs/data.md", "docs/analyses.md"];
    for page in pages().iter().filter(|page| !own.contains(&page.as_str())) {
        Page::typed(page);
    }
}

#[test]
fn commands_within_sentences_have_the_options_that_they_name() {
    for page in pages() {
        for code in spans(&read(&page)).iter().filter(|code| code.starts_with("runner ")) {
            // Letters stand for numbers in sentences.
            let words = words(Path::new("."), &[], &code.replace('|', " ").replace(" N", " 1"));
            parses(&words[1..], &page);
        }
    }
}

#[test]
fn links_lead_to_files_and_headings() {
    for page in pages() {
        let folder = root().join(&page).parent().unwrap().to_owned();
        for link in links(&read(&page)) {
            if link.starts_with("http") {
                continue;
            }
            let (file, heading) = link.split_once('#').unwrap_or((&link, ""));
            let target = if file.is_empty() { root().join(&page) } else { folder.join(file) };
            assert!(target.exists(), "{page}: {link} leads to no file");
            if !heading.is_empty() {
                let headings = headings(&fs::read_to_string(&target).unwrap());
                assert!(headings.contains(heading), "{page}: {link} leads to no heading of {headings:?}");
            }
        }
    }
}

#[test]
fn files_that_are_named_are_there() {
    let is_file = |name: &str| {
        let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
        ["rs", "ron", "sh", "py", "md"].contains(&ending) && !name.contains(['<', '{', '*', ' '])
    };
    let mut files = Vec::new();
    ["app", "bench", "configs", "core", "docs", "runner"]
        .iter()
        .for_each(|folder| walk(&root().join(folder), &mut files));
    for page in ["ARCHITECTURE.md", "docs/adding-your-own.md"] {
        for name in spans(&read(page)).iter().filter(|name| is_file(name)) {
            let is_there = files.iter().any(|file| file.ends_with(name)) || root().join(name).is_file();
            assert!(is_there, "{page}: there is no {name}");
        }
    }
}

/// The files below a folder.
fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, files);
        } else {
            files.push(path);
        }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The documents, by their paths below the root.
fn pages() -> Vec<String> {
    let docs = fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().file_name());
    let docs = docs.map(|name| format!("docs/{}", name.to_str().unwrap()));
    let mut pages: Vec<String> = docs.chain(["README.md", "ARCHITECTURE.md"].map(str::to_owned)).collect();
    pages.sort();
    pages
}

fn read(page: &str) -> String {
    fs::read_to_string(root().join(page)).unwrap()
}

/// A block of commands.
struct Block {
    commands: Vec<String>,
    is_run: bool,
}

/// The ```` ```sh ```` blocks of a page.
fn blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let (mut is_open, mut is_run) = (false, true);
    for line in text.lines() {
        match line.trim() {
            "```sh" => {
                is_open = true;
                blocks.push(Block { commands: Vec::new(), is_run });
            }
            "```" => (is_open, is_run) = (false, true),
            line if is_open => {
                let commands = &mut blocks.last_mut().unwrap().commands;
                match commands.last_mut().and_then(|last| last.strip_suffix('\\').map(str::to_owned)) {
                    Some(begun) => *commands.last_mut().unwrap() = begun + line,
                    None if line.is_empty() || line.starts_with('#') => {}
                    None => commands.push(line.to_owned()),
                }
            }
            line if line.starts_with(NOT_RUN) => is_run = false,
            _ => {}
        }
    }
    assert!(is_run && !is_open, "a comment or a block stands alone at the end");
    blocks
}

/// A text without its blocks.
fn prose(text: &str) -> String {
    text.split("```").step_by(2).collect::<Vec<_>>().join(" ")
}

/// What stands in backquotes.
fn spans(text: &str) -> Vec<String> {
    let prose = prose(text);
    let spans = prose.split('`').skip(1).step_by(2);
    spans.map(|span| span.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

fn links(text: &str) -> Vec<String> {
    let prose = prose(text);
    prose.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0.to_owned())).collect()
}

/// The headings as they are linked to.
fn headings(text: &str) -> HashSet<String> {
    let prose = prose(text);
    let headings = prose.lines().filter(|line| line.starts_with('#'));
    let kept = |c: char| c.is_alphanumeric() || "-_ ".contains(c);
    let linked =
        |heading: &str| heading.trim_start_matches('#').trim().to_lowercase().replace(|c: char| !kept(c), "");
    headings.map(|heading| linked(heading).replace(' ', "-")).collect()
}

/// The words of a command as a shell understands it.
fn words(folder: &Path, variables: &[(String, String)], command: &str) -> Vec<String> {
    let mut shell = Command::new("bash");
    shell.args(["-c", &format!("printf '%s\\0' {command}")]).current_dir(folder);
    let output = shell.envs(variables.iter().cloned()).output().unwrap();
    assert!(output.status.success(), "{command}: {}", stderr(&output));
    let printed = String::from_utf8(output.stdout).unwrap();
    printed.split_terminator('\0').map(str::to_owned).collect()
}

/// The arguments of the runner, if that is the program.
fn of_runner(words: &[String]) -> Option<&[String]> {
    const CARGO: [&str; 6] = ["cargo", "run", "--release", "--bin", "runner", "--"];
    match words {
        [program, arguments @ ..] if program == "runner" => Some(arguments),
        words if words.len() >= CARGO.len() && words[..CARGO.len()] == CARGO => Some(&words[CARGO.len()..]),
        _ => None,
    }
}

/// The command line's parser must know all options before `--help`, which it looks at in order.
fn parses(arguments: &[String], page: &str) {
    let output = Command::new(env!("CARGO_BIN_EXE_runner")).args(arguments).arg("--help").output().unwrap();
    assert!(output.status.success(), "{page}: runner {}: {}", arguments.join(" "), stderr(&output));
}

/// A page that is being typed.
struct Page {
    name: String,
    here: TempDir,
    variables: Vec<(String, String)>,
}

impl Page {
    /// Types all blocks of a page, one after the other.
    fn typed(name: &str) -> Self {
        let here = folder();
        small_data(here.path());
        let mut page = Self { name: name.to_owned(), here, variables: Vec::new() };
        for Block { commands, is_run } in blocks(&read(name)) {
            for command in commands {
                page.command(&command, is_run);
            }
        }
        page
    }

    fn command(&mut self, command: &str, is_run: bool) {
        let name = &self.name;
        // The last epoch of the pages' recipe, and of the tests'.
        let command = &command.replace("ckpt-E020", "ckpt-E002");
        let mut words = words(self.here.path(), &self.variables, command);
        if words[0] == "export" {
            words.remove(0);
        }
        let count = words.iter().take_while(|word| is_assignment(word)).count();
        let rest = words.split_off(count);
        let assigned = words.iter().filter_map(|word| word.split_once('='));
        let assigned: Vec<_> = assigned.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let Some(program) = rest.first() else { return self.variables.extend(assigned) };
        match of_runner(&rest) {
            Some(arguments) if is_run => {
                let mut runner = runner(self.here.path());
                // The shell of a reader has none of the variables of the one that runs the tests.
                runner.env_remove("BASIN_CONFIGS");
                runner.envs(self.variables.iter().cloned()).envs(assigned);
                runner.args(arguments).args(small(arguments));
                let output = runner.output().unwrap();
                assert!(output.status.success(), "{name}: {command}: {}", stderr(&output));
                // No later command needs the runs that are kept apart by `-w trained/...`.
                fs::remove_dir_all(self.here.path().join("trained")).ok();
            }
            Some(arguments) => {
                parses(arguments, name);
                self.settings_are_known(arguments);
            }
            None if program == "cargo" => cargo(&rest, name),
            None if is_run => panic!("{name}: this test does not know how to run: {command}"),
            None if program == "app" => app(&rest[1..], name),
            None if FOREIGN.contains(&program.as_str()) => {
                let script = rest.get(1).filter(|word| word.ends_with(".py"));
                assert!(script.is_none_or(|script| root().join(script).is_file()), "{name}: no {script:?}");
            }
            None => {
                let is_script = program.ends_with(".sh") && root().join(program).is_file();
                assert!(is_script, "{name}: unknown program in {command}");
            }
        }
    }

    /// The key of a command that trains, and the settings that it changes, are there.
    fn settings_are_known(&self, arguments: &[String]) {
        let [flag, key, rest @ ..] = arguments else { return };
        if flag == "-k" {
            let mut show = runner(self.here.path());
            show.args(["show", key]).envs(self.variables.iter().cloned());
            let pairs = rest.windows(2).filter(|pair| ["--set", "--configs"].contains(&pair[0].as_str()));
            show.args(pairs.flatten());
            success(show);
        }
    }
}

/// Whether a word sets a variable of the shell.
fn is_assignment(word: &str) -> bool {
    let name = word.split_once('=').map_or("", |(name, _)| name);
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Options that make a command small; those that it has already stay as they are.
fn small(arguments: &[String]) -> Vec<String> {
    let has = |option: &str| arguments.iter().any(|word| word == option);
    let set =
        |settings: &[&'static str]| -> Vec<&str> { settings.iter().flat_map(|s| ["--set", s]).collect() };
    let of_runs = || set(&[&SMALL[..], &SMALL_RUNS].concat());
    let (device, samples) = (["--device", "cpu"], ["--samples", "8"]);
    let images = [device, samples].concat();
    let words = arguments.iter().map(String::as_str).collect::<Vec<_>>();
    let more = match words[..] {
        // `runner/tests/study.rs` runs the demo whole.
        ["study", "demo" | "lpft", ..] => vec!["--dry-run"],
        ["study", ..] => [of_runs(), device.to_vec()].concat(),
        ["sweep" | "status" | "slurm", ..] => of_runs(),
        ["eval" | "similarity" | "accuracy" | "features", ..] => images,
        ["probe", ..] => [images, vec!["--neighbours", "2", "--held-out", "0.5"]].concat(),
        ["interpolate", ..] => [images, vec!["--coefficients", "0,0.5,1"]].concat(),
        ["basin", ..] => [images, vec!["--draws", "1"]].concat(),
        ["rewind", ..] => [images, vec!["--modules", "conv1"]].concat(),
        ["criticality", ..] => {
            [images, vec!["--draws", "1", "--sigmas", "0,0.1", "--alphas", "0,1"]].concat()
        }
        ["spectrum", ..] => [device.to_vec(), vec!["--layers", "^fc$"]].concat(),
        ["distance" | "mistakes", ..] => device.to_vec(),
        ["doctor", ..] => [device.to_vec(), vec!["--size", "16", "--batch", "2"]].concat(),
        ["configs" | "models" | "show" | "curves" | "gc" | "checkpoint", ..] | ["prepare", "verify", ..] => {
            vec![]
        }
        [option, ..] if option.starts_with('-') => [set(&SMALL), device.to_vec()].concat(),
        _ => panic!("this test does not know how to run: runner {}", arguments.join(" ")),
    };
    let is_new = |pair: &&[&str]| pair[0] == "--set" || !has(pair[0]);
    more.chunks(2).filter(is_new).flatten().map(|word| (*word).to_owned()).collect()
}

/// A command of cargo names programs and features that are there, and selects no package: that would compile Burn again.
fn cargo(words: &[String], page: &str) {
    assert!(["build", "run", "test"].contains(&words[1].as_str()), "{page}: {words:?}");
    assert!(!words.iter().any(|word| word == "-p" || word == "--package"), "{page}: {words:?}");
    let after = |option: &str| words.windows(2).find(|pair| pair[0] == option).map(|pair| &pair[1]);
    if let Some(program) = after("--bin") {
        assert!(root().join(program).join("Cargo.toml").is_file(), "{page}: no program {program}");
        let arguments = words.iter().skip_while(|word| *word != "--").skip(1).cloned().collect::<Vec<_>>();
        if program == "app" {
            app(&arguments, page);
        }
    }
    if let Some(feature) = after("--features") {
        let manifest = fs::read_to_string(root().join("runner/Cargo.toml")).unwrap();
        assert!(manifest.contains(&format!("\n{feature} = [")), "{page}: no feature {feature}");
    }
}

/// The window's options are fields in its source.
fn app(arguments: &[String], page: &str) {
    let source = fs::read_to_string(root().join("app/src/main.rs")).unwrap();
    for option in arguments.iter().filter_map(|word| word.strip_prefix("--")) {
        assert!(source.contains(&format!("    {}: ", option.replace('-', "_"))), "{page}: no --{option}");
    }
}

/// Small data of the names that the pages use.
fn small_data(here: &Path) {
    copy(&root().join("configs"), &here.join("configs"));
    for (split, count) in [("train", 8), ("val", 6)] {
        for (number, class) in ["cat", "dog"].iter().enumerate() {
            let folder = here.join("photos").join(split).join(class);
            fs::create_dir_all(&folder).unwrap();
            for image in 0..count {
                let shade = |x: u32, y: u32| {
                    let wave = if number == 0 { x } else { y };
                    image::Rgb([(8 * wave) as u8, (20 * image) as u8, (3 * x + 5 * y) as u8])
                };
                let image = image::RgbImage::from_fn(40, 48, shade);
                image.save(folder.join(format!("{}.png", fs::read_dir(&folder).unwrap().count()))).unwrap();
            }
        }
    }
    small_domainnet(here);
    fs::copy(pretrained(), here.join("resnet18.pth")).unwrap();
}

fn copy(from: &Path, to: &Path) {
    let mut files = Vec::new();
    walk(from, &mut files);
    for file in files {
        let target = to.join(file.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(file, target).unwrap();
    }
}

/// A checkpoint as torchvision publishes them, of ten classes.
fn pretrained() -> PathBuf {
    static MADE: OnceLock<TempDir> = OnceLock::new();
    let here = MADE.get_or_init(|| {
        let here = folder();
        tiny_families(here.path());
        let arch = ["-w", "run", "--set", "model.arch=torchvision/resnet18"];
        success(tiny(here.path(), &[&["-k", "tiny/first"], &arch[..]].concat()));
        let names = ["run/checkpoints/ckpt-E000.safetensors", "resnet18.pth"];
        success(tiny(here.path(), &[&["checkpoint", "convert"], &names[..]].concat()));
        here
    });
    here.path().join("resnet18.pth")
}
