//! Preparing data sets: whatever happens on the way, the files in the end are right, and a second run does nothing.

use std::fs;
use std::path::Path;
use std::process::Command;

use image::{DynamicImage, GrayImage, Luma, RgbImage};

use crate::common::*;

fn prepare(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = runner(folder);
    command.arg("prepare").args(arguments);
    command
}

mod chexpert {
    use super::*;

    const COLUMNS: &str = "Path,Sex,Age,Frontal/Lateral,Cardiomegaly,Edema";

    fn train_path(number: usize) -> String {
        let view = if number.is_multiple_of(2) { "view1_frontal" } else { "view2_lateral" };
        format!("train/patient{number:05}/study1/{view}.jpg")
    }

    /// A stripe pattern that turns into rubbish when it is shrunk without a filter.
    fn stripes(width: u32, height: u32) -> GrayImage {
        GrayImage::from_fn(width, height, |x, _| Luma([if x % 2 == 0 { 40 } else { 200 }]))
    }

    fn save(root: &Path, id: &str, image: impl Into<DynamicImage>) {
        let path = root.join(id);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        image.into().save(path).unwrap();
    }

    /// Sixteen training images, the first ones of sizes worth looking at, and one to validate.
    fn official(folder: &Path) {
        let root = folder.join("official");
        let mut train = format!("{COLUMNS}\n");
        for number in 0..16 {
            match number {
                0 => save(&root, &train_path(0), stripes(900, 448)),
                1 => save(&root, &train_path(1), stripes(300, 512)),
                2 => save(&root, &train_path(2), RgbImage::from_pixel(500, 450, image::Rgb([200, 100, 50]))),
                _ => save(&root, &train_path(number), stripes(64, 80)),
            }
            train +=
                &format!("CheXpert-v1.0-small/{},Female,{number},Frontal,1.0,-1.0\n", train_path(number));
        }
        fs::write(root.join("train.csv"), train).unwrap();
        save(&root, "valid/patient64541/study1/view1_frontal.jpg", stripes(224, 300));
        fs::write(
            root.join("valid.csv"),
            format!("{COLUMNS}\nCheXpert-v1.0-small/valid/patient64541/study1/view1_frontal.jpg,Male,73,Frontal,,\n"),
        )
        .unwrap();
    }

    fn command(folder: &Path) -> Command {
        prepare(folder, &["chexpert", "official", "small", "--train-size", "6"])
    }

    #[test]
    fn images_are_shrunk_and_lists_split() {
        let here = folder();
        official(here.path());
        success(command(here.path()));
        let (official, small) = (here.path().join("official"), here.path().join("small"));

        let shrunk = |number: usize| image::open(small.join(train_path(number))).unwrap();
        // The shorter side becomes 224, the longer keeps the ratio, rounded down.
        let sizes = [0, 1, 2].map(|number| (shrunk(number).width(), shrunk(number).height()));
        assert_eq!(sizes, [(450, 224), (224, 382), (248, 224)]);
        assert!([0, 1, 2].iter().all(|&number| matches!(shrunk(number), DynamicImage::ImageLuma8(_))));
        // Stripes of 40 and 200 blend to 120 only under a filter, which lacks neighbours at the edge; 200, 100, 50 has the
        // luma 124.2.
        let blended = shrunk(0).crop_imm(8, 8, 400, 200).into_luma8();
        assert!(blended.pixels().all(|pixel| pixel[0].abs_diff(120) <= 4));
        assert!(shrunk(2).into_luma8().pixels().all(|pixel| pixel[0].abs_diff(124) <= 1));
        for id in [train_path(3), "valid/patient64541/study1/view1_frontal.jpg".into()] {
            assert_eq!(fs::read(official.join(&id)).unwrap(), fs::read(small.join(&id)).unwrap(), "{id}");
        }

        // numpy.random.RandomState(1234).permutation(16).
        let order = [13, 11, 0, 12, 14, 2, 10, 7, 1, 9, 8, 4, 5, 6, 3, 15];
        let list = |name: &str| fs::read_to_string(small.join(name)).unwrap();
        let expected = |rows: &[usize]| {
            let row = |number: &usize| format!("{},Female,{number},Frontal,1.0,-1.0\n", train_path(*number));
            format!("{COLUMNS}\n{}", rows.iter().map(row).collect::<String>())
        };
        assert_eq!(list("train.0-50k.csv"), expected(&order[..6]));
        assert_eq!(list("train.50k-100k.csv"), expected(&order[6..12]));
        assert_eq!(
            list("dev.csv"),
            format!("{COLUMNS}\nvalid/patient64541/study1/view1_frontal.jpg,Male,73,Frontal,,\n")
        );
    }

    #[test]
    fn what_is_there_is_not_done_again() {
        let here = folder();
        official(here.path());
        success(command(here.path()));
        let (kept, lost) = (here.path().join("small").join(train_path(0)), train_path(1));
        fs::write(&kept, "a mark").unwrap();
        fs::write(here.path().join("small").join(train_path(4)), "").unwrap();
        fs::remove_file(here.path().join("small").join(&lost)).unwrap();
        // What a kill leaves while a file is written.
        let part = kept.with_file_name("../../patient00001/study1/.basin-x.tmp");
        fs::write(&part, "half").unwrap();
        success(command(here.path()));
        assert_eq!(fs::read_to_string(&kept).unwrap(), "a mark");
        assert!(image::open(here.path().join("small").join(&lost)).is_ok());
        assert!(!part.exists());
        let verified =
            prepare(here.path(), &["chexpert", "official", "small", "--train-size", "6", "--verify"]);
        failure(verified, 3, &["1 of 17 images"]);
    }

    #[test]
    fn a_broken_image_is_named_and_the_others_are_done() {
        let here = folder();
        official(here.path());
        let (cut, gone) = (train_path(0), train_path(5));
        let bytes = fs::read(here.path().join("official").join(&cut)).unwrap();
        fs::write(here.path().join("official").join(&cut), &bytes[..bytes.len() / 2]).unwrap();
        fs::remove_file(here.path().join("official").join(&gone)).unwrap();
        let message = failure(command(here.path()), 3, &["2 of 17 images", &cut]);
        assert!(message.contains(&gone), "{message}");
        assert!(here.path().join("small").join(train_path(15)).is_file());
        assert!(!here.path().join("small/train.0-50k.csv").exists());
    }

    #[test]
    fn lists_and_folders_that_do_not_fit() {
        let here = folder();
        official(here.path());
        let with = |arguments: &[&str]| prepare(here.path(), &[&["chexpert"], arguments].concat());
        failure(with(&["official", "small"]), 3, &["train.csv lists 16 images", "--train-size"]);
        failure(with(&["official", "official", "--train-size", "8"]), 2, &["another folder"]);
        failure(
            with(&["nowhere", "small"]),
            3,
            &["there is no nowhere/train.csv", "official CheXpert folder"],
        );
        let list = here.path().join("official/train.csv");
        let good = fs::read_to_string(&list).unwrap();
        fs::write(&list, good.replacen("CheXpert-v1.0-small/train/", "../../", 1)).unwrap();
        failure(command(here.path()), 3, &["train.csv:2", "outside of its folder", "../../patient00000"]);
        fs::write(&list, good.replacen("Path", "File", 1)).unwrap();
        failure(command(here.path()), 3, &["train.csv has no column Path"]);
        assert!(!here.path().join("small/train").exists());
    }
}

#[test]
fn an_archive_that_is_not_the_official_one_of_cifar10() {
    let here = folder();
    fs::write(here.path().join("cifar.tar.gz"), "no archive").unwrap();
    let from = |archive: &str| prepare(here.path(), &["cifar10", "data", "--from", archive]);
    failure(
        from("cifar.tar.gz"),
        3,
        &["cifar.tar.gz is not the official cifar-10-binary.tar.gz", "c4a38c50"],
    );
    failure(from("gone.tar.gz"), 3, &["gone.tar.gz", "check the path"]);
    assert!(!here.path().join("data/cifar-10-batches-bin").exists());
}

mod domainnet {
    use std::io::{Cursor, Write as _};
    use std::process::{Child, Stdio};
    use std::thread;
    use std::time::{Duration, Instant};

    use zip::write::SimpleFileOptions;
    use zip::{CompressionMethod, ZipWriter};

    use super::*;
    use crate::common::server::{Reply, Request, Server, Then, UNSAID, tagged};

    const ARCHIVE: &str = "/real.zip";
    const IMAGES: usize = 6;
    /// A key whose data set is the one that is prepared here.
    const KEY: &str = "train/DomainNet_real/fixup_resnet50_nzfc/randinit-lr0.1-MstepLR";

    /// A server that holds the lists and the archive of a domain.
    struct Mirror(Server);

    impl Mirror {
        /// `archive` says what is answered to each request for the archive.
        fn start(archive: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
            Self::with_lists(archive, tagged)
        }

        fn with_lists(
            archive: impl Fn(&Request) -> Reply + Send + Sync + 'static,
            list: impl Fn(&[u8], &Request) -> Reply + Send + Sync + 'static,
        ) -> Self {
            Self(Server::start(move |request| match request.path.as_str() {
                ARCHIVE => archive(request),
                "/domainnet/txt/real_train.txt" => list(lists()[0].as_bytes(), request),
                "/domainnet/txt/real_test.txt" => list(lists()[1].as_bytes(), request),
                _ => Reply::status(404),
            }))
        }

        /// First bytes of the ranges that were asked of the archive.
        fn archive_requests(&self) -> Vec<Option<usize>> {
            self.0.asked(ARCHIVE)
        }

        fn command(&self, folder: &Path, more: &[&str]) -> Command {
            let arguments = ["domainnet", "data", "--domains", "real", "--mirror", &self.0.address];
            let mut command = prepare(folder, &[&arguments, more].concat());
            command.env("NO_PROXY", "127.0.0.1");
            command
        }
    }

    fn id(number: usize) -> String {
        format!("real/{}/real_{number:06}.png", ["cat", "dog"][number % 2])
    }

    /// The training and the test list.
    fn lists() -> [String; 2] {
        [0..4, 4..IMAGES].map(|part| part.map(|number| format!("{} {}\n", id(number), number % 2)).collect())
    }

    /// An image of noise, so that it cannot be packed smaller.
    fn image(number: usize) -> Vec<u8> {
        let mut state = number as u32 + 1;
        let noise = RgbImage::from_fn(48, 48, |_, _| {
            image::Rgb([0; 3].map(|_: u8| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            }))
        });
        let mut bytes = Cursor::new(Vec::new());
        noise.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    fn archive(method: CompressionMethod) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default().compression_method(method);
        zip.add_directory("real/", options).unwrap();
        for number in 0..IMAGES {
            zip.start_file(id(number), options).unwrap();
            zip.write_all(&image(number)).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    fn stored() -> Vec<u8> {
        archive(CompressionMethod::Stored)
    }

    fn root(folder: &Path) -> std::path::PathBuf {
        folder.join("data/DomainNet")
    }

    #[track_caller]
    fn is_complete(folder: &Path) {
        for number in 0..IMAGES {
            assert!(fs::read(root(folder).join(id(number))).unwrap() == image(number), "{}", id(number));
        }
        let found = ["train", "test"]
            .map(|split| fs::read_to_string(root(folder).join(format!("real_{split}.txt"))).unwrap());
        assert_eq!(found, lists());
    }

    #[track_caller]
    fn has_no_list(folder: &Path) {
        assert!(!root(folder).join("real_train.txt").exists(), "a list says that the domain is complete");
    }

    #[test]
    fn a_cut_connection_goes_on_and_a_second_run_asks_for_nothing() {
        let here = folder();
        let bytes = archive(CompressionMethod::Deflated);
        let (half, file) = (bytes.len() / 2, bytes.clone());
        let server = Mirror::with_lists(
            move |request| match request.before {
                0 => tagged(&file, request).half(Then::Close),
                _ => tagged(&file, request),
            },
            // Busy twice.
            |file, request| match request.before {
                0 => Reply::status(503),
                1 => Reply::status(429).header("Retry-After: 0"),
                _ => tagged(file, request),
            },
        );
        assert_eq!(success(server.command(here.path(), &[])), "data\n");
        is_complete(here.path());
        assert_eq!(server.archive_requests(), [None, Some(half)]);
        let record = fs::read_to_string(root(here.path()).join("real.zip.sha256")).unwrap();
        assert_eq!(record, format!("{}  real.zip\n", basin_core::file::digest(&bytes)));
        let mut names: Vec<_> =
            fs::read_dir(root(here.path())).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, [".lock", "real", "real.zip.sha256", "real_test.txt", "real_train.txt"]);

        let before = server.0.requests.lock().unwrap().len();
        success(server.command(here.path(), &[]));
        assert_eq!(server.0.requests.lock().unwrap().len(), before);
    }

    #[test]
    fn a_server_that_ignores_ranges_starts_over() {
        let here = folder();
        let server = Mirror::start(|request| match request.before {
            0 => Reply::whole(&stored()).half(Then::Close),
            _ => Reply::whole(&stored()),
        });
        success(server.command(here.path(), &[]));
        is_complete(here.path());
        assert_eq!(server.archive_requests().len(), 2);
    }

    #[test]
    fn a_file_that_changes_between_two_halves_comes_anew() {
        let here = folder();
        let before = archive(CompressionMethod::Deflated);
        let half = before.len() / 2;
        let server = Mirror::start(move |request| match request.before {
            0 => tagged(&before, request).half(Then::Close),
            _ => tagged(&stored(), request),
        });
        success(server.command(here.path(), &[]));
        is_complete(here.path());
        assert_eq!(server.archive_requests(), [None, Some(half)]);
        let record = fs::read_to_string(root(here.path()).join("real.zip.sha256")).unwrap();
        assert!(record.starts_with(&basin_core::file::digest(stored())), "{record}");
    }

    #[test]
    fn a_list_whose_end_would_not_show_is_refused() {
        let here = folder();
        let server = Mirror::with_lists(
            |request| tagged(&stored(), request),
            |file, _| Reply { declared: UNSAID, ..Reply::whole(file) }.half(Then::Close),
        );
        failure(server.command(here.path(), &[]), 3, &["real_train.txt", "does not say how long"]);
        has_no_list(here.path());
    }

    #[test]
    fn an_archive_that_grows_beyond_all_images_is_refused() {
        let here = folder();
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        zip.start_file(id(0), options).unwrap();
        zip.write_all(&vec![0; 80 << 20]).unwrap();
        let bomb = zip.finish().unwrap().into_inner();
        let server = Mirror::start(move |request| tagged(&bomb, request));
        failure(server.command(here.path(), &[]), 3, &["real.zip", "no sound zip archive", "unpacked"]);
        assert!(!root(here.path()).join(id(0)).exists());
    }

    #[test]
    fn lengths_that_are_lies() {
        // More is promised than there is: the range that is asked for next does not exist.
        let here = folder();
        let server = Mirror::start(|request| {
            let reply = tagged(&stored(), request);
            Reply { declared: reply.declared + usize::from(request.before == 0) * 7, ..reply }
        });
        success(server.command(here.path(), &[]));
        is_complete(here.path());
        assert_eq!(server.archive_requests(), [None, Some(stored().len())]);

        // Less is promised: what comes is no whole archive.
        let here = folder();
        let server = Mirror::start(|request| {
            let reply = tagged(&stored(), request);
            Reply { declared: reply.declared - 100, ..reply }
        });
        failure(server.command(here.path(), &[]), 3, &["real.zip", "no sound zip archive", "remove it"]);
        has_no_list(here.path());

        // Another range than was asked for is not appended.
        let here = folder();
        let server = Mirror::start(|request| match request.before {
            0 => tagged(&stored(), request).half(Then::Close),
            1 => Reply { status: 206, ..Reply::whole(&stored()[1..]) }.header(format!(
                "Content-Range: bytes 1-{}/{}",
                stored().len() - 1,
                stored().len()
            )),
            _ => tagged(&stored(), request),
        });
        success(server.command(here.path(), &[]));
        is_complete(here.path());
        assert_eq!(server.archive_requests(), [None, Some(stored().len() / 2), None]);
    }

    #[test]
    fn a_file_that_is_not_there_and_a_domain_that_is_none() {
        let here = folder();
        let server = Mirror::start(|_| Reply::status(404));
        failure(server.command(here.path(), &[]), 1, &["/real.zip", "404", "check the address"]);
        assert_eq!(server.archive_requests().len(), 1);
        has_no_list(here.path());
        let unknown = prepare(here.path(), &["domainnet", "data", "--domains", "real,photo"]);
        failure(unknown, 2, &["clipart", ": photo"]);
        let arguments = ["domainnet", "fresh", "--domains", "real", "--mirror", "/srv/mirror"];
        failure(prepare(here.path(), &arguments), 2, &["/srv/mirror/domainnet", "http://"]);
        // A page in place of a list.
        let server = Mirror::with_lists(|_| Reply::status(404), |_, _| Reply::whole(b"<html>Moved</html>"));
        let here = folder();
        failure(server.command(here.path(), &[]), 3, &["real_train.txt", "web page"]);
        assert!(!root(here.path()).join("real_train.txt.new").exists());
    }

    #[test]
    fn a_signal_leaves_a_part_that_the_next_run_goes_on_with() {
        let here = folder();
        let half = stored().len() / 2;
        let server = Mirror::start(|request| match request.before {
            0 => tagged(&stored(), request).half(Then::Stall),
            _ => tagged(&stored(), request),
        });
        let mut child: Child = server.command(here.path(), &[]).stderr(Stdio::null()).spawn().unwrap();
        let (part, start) = (root(here.path()).join("real.zip.part"), Instant::now());
        while fs::metadata(&part).map_or(0, |file| file.len()) < half as u64 {
            assert!(start.elapsed() < Duration::from_secs(60), "the first half does not come");
            thread::sleep(Duration::from_millis(10));
        }
        Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(143));
        assert_eq!(fs::read(&part).unwrap(), stored()[..half]);
        success(server.command(here.path(), &[]));
        is_complete(here.path());
        assert_eq!(server.archive_requests(), [None, Some(half)]);
    }

    #[test]
    fn hostile_archives_write_nothing_outside() {
        // The names are as long as those that they replace, since the writer would not write them itself.
        let rename = |old: &str, new: &str| {
            let mut bytes = stored();
            assert_eq!(old.len(), new.len());
            for at in 0..bytes.len() - old.len() {
                if bytes[at..].starts_with(old.as_bytes()) {
                    bytes[at..at + new.len()].copy_from_slice(new.as_bytes());
                }
            }
            bytes
        };
        let mut link = ZipWriter::new_append(Cursor::new(stored())).unwrap();
        link.add_symlink("real/door", "../..", SimpleFileOptions::default()).unwrap();
        let link = link.finish().unwrap().into_inner();
        let outside = "it holds ";
        for (bytes, reason) in [
            (rename("real/dog/real_000003.png", "../../evil/l_000003.png/"), outside),
            (rename("real/dog/real_000003.png", "../../../../evil_003.png"), outside),
            (rename("real/dog/real_000003.png", "/tmp/basin_evil_0003.png"), outside),
            (link, "it holds real/door"),
        ] {
            let here = folder();
            let server = Mirror::start(move |request| tagged(&bytes, request));
            failure(server.command(here.path(), &[]), 3, &["no sound zip archive", reason]);
            assert!(!root(here.path()).join("real").exists(), "something was unpacked");
            assert_eq!(fs::read_dir(here.path()).unwrap().count(), 1);
        }

        // A folder that belongs to another domain is left out, and so the images are not all there.
        let here = folder();
        let bytes = rename("real/dog/real_000003.png", "fake/dog/real_000003.png");
        let server = Mirror::start(move |request| tagged(&bytes, request));
        failure(server.command(here.path(), &[]), 3, &["lacks 1 of the 6", "real/dog/real_000003.png"]);
        assert!(!root(here.path()).join("fake").exists());
        has_no_list(here.path());
    }

    #[test]
    fn a_file_that_is_larger_than_the_archive_says_or_does_not_match_its_checksum() {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        zip.start_file(id(0), options).unwrap();
        zip.write_all(&vec![0; 10_000_000]).unwrap();
        let mut bomb = zip.finish().unwrap().into_inner();
        // The uncompressed size is the fourth last field before the name in the local header, and lies at 24 in the central.
        let central = bomb.windows(4).position(|bytes| bytes == b"PK\x01\x02").unwrap();
        for at in [22, central + 24] {
            assert_eq!(bomb[at..at + 4], 10_000_000_u32.to_le_bytes());
            bomb[at..at + 4].copy_from_slice(&1000_u32.to_le_bytes());
        }
        let here = folder();
        let server = Mirror::start(move |request| tagged(&bomb, request));
        failure(server.command(here.path(), &[]), 3, &["no sound zip archive"]);
        assert!(fs::metadata(root(here.path()).join(id(0))).map_or(0, |file| file.len()) <= 1000);
        has_no_list(here.path());

        let mut changed = stored();
        let name = changed.windows(id(0).len()).position(|bytes| bytes == id(0).as_bytes()).unwrap();
        changed[name + 1000] ^= 1;
        let here = folder();
        let server = Mirror::start(move |request| tagged(&changed, request));
        failure(server.command(here.path(), &[]), 3, &["no sound zip archive", "checksum"]);
        has_no_list(here.path());
    }

    #[test]
    fn images_that_are_lost_later_come_back_from_the_same_archive_only() {
        let here = folder();
        let server = Mirror::start(|request| match request.before {
            0 => tagged(&stored(), request),
            _ => tagged(&archive(CompressionMethod::Deflated), request),
        });
        success(server.command(here.path(), &["--keep-archives"]));
        let (lost, empty) = (root(here.path()).join(id(1)), root(here.path()).join(id(4)));
        let damage = || {
            fs::remove_file(&lost).unwrap();
            fs::write(&empty, "").unwrap();
        };
        damage();
        // The archive that was kept is at hand.
        success(server.command(here.path(), &[]));
        is_complete(here.path());
        assert_eq!(server.archive_requests().len(), 1);
        // Another archive by the same name is not what the images came from.
        damage();
        failure(server.command(here.path(), &[]), 3, &["real.zip has the SHA-256", "real.zip.sha256 says"]);
        assert!(!lost.exists());
    }

    #[test]
    fn every_broken_image_is_listed() {
        let here = folder();
        let server = Mirror::start(|request| tagged(&stored(), request));
        success(server.command(here.path(), &[]));
        let verify = || {
            let set = ["--set", "data.configs.data_dir=data", "--set", "data.configs.subsample.size=1"];
            prepare(here.path(), &[&["verify", "-k", KEY], set.as_slice()].concat())
        };
        assert_eq!(success(verify()), "all 6 images are whole\n");

        let root = root(here.path());
        fs::write(root.join(id(0)), "").unwrap();
        fs::write(root.join(id(3)), &image(3)[..2000]).unwrap();
        fs::remove_file(root.join(id(5))).unwrap();
        failure(verify(), 3, &["3 of 6 images"]);
        let listed = String::from_utf8(verify().output().unwrap().stdout).unwrap();
        let paths: Vec<&str> = listed.lines().map(|line| line.split_once('\t').unwrap().0).collect();
        assert_eq!(paths, [0, 3, 5].map(|number| format!("data/DomainNet/{}", id(number))));
        assert!(listed.contains("the file is empty"), "{listed}");

        // Run again, the command fetches the archive for what is missing or empty, and checks all others against it.
        let again = || server.command(here.path(), &["--verify"]);
        assert_eq!(success(again()), "all 6 images are whole\ndata\n");
        is_complete(here.path());
        // An image that is broken but not empty is looked at, and fetched once it is gone.
        fs::write(root.join(id(3)), &image(3)[..2000]).unwrap();
        failure(again(), 3, &["1 of 6 images", "remove them and run the same command again"]);
        fs::remove_file(root.join(id(3))).unwrap();
        success(again());
        is_complete(here.path());
    }

    #[test]
    fn a_full_disk_and_a_read_only_one() {
        let here = folder();
        let server = Mirror::start(|request| tagged(&stored(), request));
        let prepare = format!("$RUNNER prepare domainnet disk --domains real --mirror {}", server.0.address);
        if let Some((code, message)) = on_disk(here.path(), "size=40k", &prepare) {
            assert_eq!(code, 1, "{message}");
            assert!(message.contains("error: cannot write disk/DomainNet/real"), "{message}");
            assert!(message.contains("free some space"), "{message}");
        }
        let script = format!("mount -o remount,ro disk && {prepare}");
        if let Some((code, message)) = on_disk(here.path(), "size=40k", &script) {
            assert_eq!(code, 1, "{message}");
            assert!(message.contains("error: cannot create disk/DomainNet"), "{message}");
            assert!(message.contains("may write to"), "{message}");
        }
    }
}
