//! Preparing data sets: whatever happens on the way, the files in the end are right, and a second run does nothing.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use common::*;
use image::{DynamicImage, GrayImage, Luma, RgbImage};

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
        fs::remove_file(here.path().join("small").join(&lost)).unwrap();
        // What a kill leaves while a file is written.
        let part = kept.with_file_name("../../patient00001/study1/.x.tmp");
        fs::write(&part, "half").unwrap();
        success(command(here.path()));
        assert_eq!(fs::read_to_string(&kept).unwrap(), "a mark");
        assert!(image::open(here.path().join("small").join(&lost)).is_ok());
        assert!(!part.exists());
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
