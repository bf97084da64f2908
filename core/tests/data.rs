//! Data sets, the loader and the evaluation images, on temporary folders and drawn images.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use basin_core::config::{Data, DataConfigs, Registry, ShuffleBlock, ShufflePixel, Subsample};
use basin_core::data::{
    Augment, Batch, Dataset, EvalImages, Loader, Pipeline, RgbImage, Split, epoch_batches, sequential_batches,
};
use basin_core::error::{Error, Result};

/// Settings of small images, 32 of 40 pixels.
fn data(name: &str, folder: &Path) -> Data {
    let mut data = Registry::load().unwrap().get("demo/Shapes_line/fixup_resnet18/scratch").unwrap().data;
    data.name = name.to_owned();
    let configs = &mut data.configs;
    configs.data_dir = folder.display().to_string();
    (configs.disable_aug, configs.pre_crop_size) = (false, 40);
    (configs.train_per_class, configs.test_per_class) = (Some(7), Some(3));
    data
}

/// A folder with `DomainNet/real/{cat,dog}`, three images each, and a list of them for training.
fn small_domain() -> (tempfile::TempDir, Data) {
    let folder = tempfile::tempdir().unwrap();
    let mut list = String::new();
    for (label, class) in ["cat", "dog"].iter().enumerate() {
        let images = folder.path().join("DomainNet/real").join(class);
        fs::create_dir_all(&images).unwrap();
        for number in 0..3_u8 {
            let color = image::Rgb([80 * number, 100 * label as u8, 200]);
            let extension = if number == 0 { "png" } else { "jpg" };
            let name = format!("{number}.{extension}");
            RgbImage::from_pixel(50, 44, color).save(images.join(&name)).unwrap();
            list += &format!("real/{class}/{name} {label}\n");
        }
    }
    let data = data("DomainNet_real", folder.path());
    fs::write(list_file(&data), list).unwrap();
    (folder, data)
}

fn list_file(data: &Data) -> PathBuf {
    Path::new(&data.configs.data_dir).join("DomainNet/real_train.txt")
}

/// The message and exit code must be those of a data file that the user can mend; every part must be in the message.
#[track_caller]
fn check_error<T>(result: Result<T>, exit_code: u8, parts: &[&str]) {
    let error = result.err().expect("this must fail");
    let message = error.to_string();
    assert_eq!(error.exit_code(), exit_code, "{message}");
    for part in parts {
        assert!(message.contains(part), "no `{part}` in: {message}");
    }
    assert!(!message.contains('\n'), "{message}");
}

fn collect(loader: Loader) -> Vec<Batch> {
    loader.collect::<Result<_>>().unwrap()
}

#[test]
fn a_domain_is_read_in_the_order_of_its_list() {
    let (_folder, data) = small_domain();
    let dataset = Dataset::open(&data, Split::Train).unwrap();
    assert_eq!((dataset.len(), dataset.outputs()), (6, 2));
    assert_eq!((dataset.id(4), dataset.label(4)), ("real/dog/1.jpg", 1));
    let image = dataset.image(3).unwrap();
    assert_eq!((image.dimensions(), image.get_pixel(0, 0).0), ((50, 44), [0, 100, 200]));
    let digest = dataset.digest();
    assert_eq!((digest.len(), &digest), (64, &Dataset::open(&data, Split::Train).unwrap().digest()));
    let list = fs::read_to_string(list_file(&data)).unwrap();
    fs::write(list_file(&data), list.replace("dog/1.jpg 1", "dog/1.jpg 0")).unwrap();
    assert_ne!(Dataset::open(&data, Split::Train).unwrap().digest(), digest);
}

#[test]
fn a_subset_is_numpys_choice_in_drawn_order() {
    let (_folder, mut data) = small_domain();
    // numpy.random.RandomState(2020).choice(6, 4, replace=False)
    data.configs.subsample = Some(Subsample { size: 4, seed: 2020 });
    let drawn = Dataset::open(&data, Split::Train).unwrap();
    let ids: Vec<_> = (0..4).map(|sample| drawn.id(sample)).collect();
    assert_eq!(ids, ["real/dog/1.jpg", "real/cat/1.jpg", "real/cat/2.jpg", "real/dog/0.png"]);
    data.configs.subsample = Some(Subsample { size: 6, seed: 2020 });
    assert_eq!(Dataset::open(&data, Split::Train).unwrap().id(1), "real/cat/1.jpg");
}

#[test]
fn a_missing_folder_or_list_names_the_layout_and_the_setting() {
    let (folder, data) = small_domain();
    let layout = ["/DomainNet/real/<class>/<image>", "--set data.configs.data_dir="];
    check_error(
        Dataset::open(&data, Split::Test),
        3,
        &[&layout[..], &["there is no", "real_test.txt"]].concat(),
    );
    fs::remove_dir_all(folder.path().join("DomainNet/real")).unwrap();
    check_error(Dataset::open(&data, Split::Train), 3, &layout);
    fs::remove_dir_all(folder.path().join("DomainNet")).unwrap();
    check_error(Dataset::open(&data, Split::Train), 3, &layout);
}

#[test]
fn names_that_are_no_data_set_list_those_there_are() {
    let check = |name: &str, parts: &[&str]| {
        check_error(Dataset::open(&data(name, Path::new("")), Split::Train), 2, parts);
    };
    check(
        "DomainNet_photo",
        &["DomainNet_photo; the nearest are", "DomainNet_infograph, DomainNet_painting"],
    );
    check("Shapes_oil", &["Shapes_oil; the nearest are", "Shapes_photo, Shapes_clipart, Shapes_line"]);
    check("chexprt", &["chexprt; the nearest are CheXpert"]);
}

#[test]
fn a_broken_line_names_the_file_the_line_and_the_value() {
    let (_folder, data) = small_domain();
    let list = list_file(&data);
    let check = |text: &str, parts: &[&str]| {
        fs::write(&list, text).unwrap();
        check_error(Dataset::open(&data, Split::Train), 3, parts);
    };
    check(
        "real/cat/0.png 0\nreal/cat/1.jpg\n",
        &["real_train.txt:2", "a space and a label", "real/cat/1.jpg"],
    );
    check("real/cat/0.png zero\n", &["real_train.txt:1", "zero"]);
    check("real/cat/0.png 0\n\nreal/cat/1.jpg 2\n", &["real_train.txt:3", "2 classes", ": 2"]);
    check("real/cat/0.png 0\nreal/cat/9.jpg 1\n", &["real_train.txt:2", "9.jpg", "not there"]);
    check("\n", &["real_train.txt", "no image"]);
}

#[test]
fn a_broken_image_is_named() {
    let (folder, data) = small_domain();
    let path = folder.path().join("DomainNet/real/dog/1.jpg");
    let whole = fs::read(&path).unwrap();
    let reading = || Dataset::open(&data, Split::Train)?.image(4);
    fs::write(&path, b"").unwrap();
    check_error(reading(), 3, &["dog/1.jpg", "0 bytes", "real_train.txt:5"]);
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    check_error(reading(), 3, &["dog/1.jpg", "cut off"]);
    fs::write(&path, [&whole[..100], &[0xff, 0xd9]].concat()).unwrap();
    check_error(reading(), 3, &["cannot decode", "dog/1.jpg"]);
    fs::write(&path, "not an image").unwrap();
    check_error(reading(), 3, &["cannot decode", "dog/1.jpg"]);
}

#[test]
fn other_images_under_the_same_names_are_other_data() {
    let (folder, data) = small_domain();
    let open = || Dataset::open(&data, Split::Train).unwrap();
    let (index, content) = (open().digest(), open().content_digest());
    let path = folder.path().join("DomainNet/real/dog/1.jpg");
    let before = fs::read(&path).unwrap();
    // Written anew, they are the same.
    fs::write(&path, &before).unwrap();
    assert_eq!(open().content_digest(), content);
    RgbImage::from_pixel(30, 20, image::Rgb([1, 2, 3])).save(&path).unwrap();
    assert_ne!(open().content_digest(), content);
    // Of equal length.
    let mut other = before;
    *other.last_mut().unwrap() ^= 1;
    fs::write(&path, &other).unwrap();
    assert_ne!(open().content_digest(), content);
    assert_eq!(open().digest(), index);
    // Drawn images have no files.
    let drawn = Dataset::open(&self::data("Shapes_line", Path::new("")), Split::Test).unwrap();
    assert_eq!(drawn.content_digest(), drawn.digest());
}

#[test]
fn a_broken_image_is_the_error_of_its_batch_alone() {
    let (folder, data) = small_domain();
    let dataset = Arc::new(Dataset::open(&data, Split::Train).unwrap());
    fs::write(folder.path().join("DomainNet/real/dog/1.jpg"), "gone").unwrap();
    let pipeline = Arc::new(Pipeline::new(&data, Augment::Eval).unwrap());
    let mut loader = Loader::new(dataset, pipeline, sequential_batches(6, 2), 0, 2).unwrap();
    assert_eq!(loader.next().unwrap().unwrap().indices, [0, 1]);
    assert_eq!(loader.next().unwrap().unwrap().labels, [0, 1]);
    check_error(loader.next().unwrap(), 3, &["dog/1.jpg"]);
    assert!(loader.next().is_none());
}

#[test]
fn shapes_are_the_same_whenever_they_are_drawn() {
    let here = Path::new("");
    for style in ["photo", "clipart", "line"] {
        let mut data = data(&format!("Shapes_{style}"), here);
        let dataset = Dataset::open(&data, Split::Train).unwrap();
        assert_eq!((dataset.len(), dataset.outputs()), (70, 10));
        assert_eq!((dataset.id(13), dataset.label(13)), (format!("{style}/train/cross/00001").as_str(), 3));
        data.configs.train_per_class = Some(2);
        let fewer = Dataset::open(&data, Split::Train).unwrap();
        assert!((0..20).all(|sample| fewer.image(sample).unwrap() == dataset.image(sample).unwrap()));
        let test = Dataset::open(&data, Split::Test).unwrap();
        let distinct: HashSet<Vec<u8>> = [&dataset, &test]
            .iter()
            .flat_map(|split| (0..split.len()).map(|sample| split.image(sample).unwrap().into_raw()))
            .collect();
        assert_eq!(distinct.len(), 70 + 30);
        assert_ne!(fewer.digest(), test.digest());
    }
}

#[test]
fn a_loader_yields_the_same_whatever_its_threads() {
    let data = data("Shapes_clipart", Path::new(""));
    let dataset = Arc::new(Dataset::open(&data, Split::Train).unwrap());
    let pipeline = Arc::new(Pipeline::new(&data, Augment::Train { seed: 3 }).unwrap());
    let load = |batches: &[Vec<usize>], epoch, workers| {
        collect(Loader::new(dataset.clone(), pipeline.clone(), batches.to_vec(), epoch, workers).unwrap())
    };
    let batches = epoch_batches(dataset.len(), 8, 3, 1);
    let one = load(&batches, 1, 1);
    assert_eq!(one.iter().map(|batch| batch.indices.clone()).collect::<Vec<_>>(), batches);
    for batch in &one {
        assert_eq!(batch.images.len(), batch.indices.len() * 3 * 32 * 32);
        assert!(
            batch.indices.iter().zip(&batch.labels).all(|(&sample, &label)| dataset.label(sample) == label)
        );
    }
    for workers in [2, 5] {
        assert!(load(&batches, 1, workers) == one, "{workers} threads");
    }
    // A run that was killed in the middle of an epoch goes on with the rest of it.
    assert!(load(&batches[4..], 1, 2) == one[4..]);
    assert!(load(&batches, 2, 2) != one);
}

#[test]
fn augmentation_depends_on_seed_epoch_and_sample_alone() {
    let data = data("Shapes_photo", Path::new(""));
    let dataset = Dataset::open(&data, Split::Test).unwrap();
    let image = dataset.image(0).unwrap();
    let crop = |seed, epoch, sample| {
        Pipeline::new(&data, Augment::Train { seed }).unwrap().crop(&image, epoch, sample).unwrap()
    };
    assert_eq!(crop(1, 2, 3), crop(1, 2, 3));
    for other in [crop(2, 2, 3), crop(1, 3, 3), crop(1, 2, 4)] {
        assert_ne!(crop(1, 2, 3), other);
    }
    let mut plain = data.clone();
    plain.configs.disable_aug = true;
    let unaugmented = Pipeline::new(&plain, Augment::Train { seed: 1 }).unwrap();
    assert_eq!(unaugmented.crop(&image, 2, 3).unwrap(), unaugmented.eval_crop(&image).unwrap());
}

#[test]
fn a_loader_that_is_dropped_early_ends() {
    let data = data("Shapes_line", Path::new(""));
    let dataset = Arc::new(Dataset::open(&data, Split::Train).unwrap());
    let pipeline = Arc::new(Pipeline::new(&data, Augment::Eval).unwrap());
    for taken in [0, 1, 3] {
        let batches = (0..500).flat_map(|_| sequential_batches(dataset.len(), 4)).collect();
        let mut loader = Loader::new(dataset.clone(), pipeline.clone(), batches, 0, 3).unwrap();
        assert_eq!(loader.by_ref().take(taken).filter(|batch| batch.is_ok()).count(), taken);
        drop(loader);
        // Every thread has let go of the data.
        assert_eq!((Arc::strong_count(&dataset), Arc::strong_count(&pipeline)), (1, 1));
    }
}

#[test]
fn evaluation_images_are_what_the_loader_yields() {
    let (_folder, domain) = small_domain();
    let mut shuffled = data("Shapes_clipart", Path::new(""));
    shuffled.configs.shuffle_block_config = Some(ShuffleBlock { seed: 1235, block_size: 8 });
    for data in [domain, shuffled] {
        let dataset = Arc::new(Dataset::open(&data, Split::Train).unwrap());
        let pipeline = Arc::new(Pipeline::new(&data, Augment::Eval).unwrap());
        let images = EvalImages::new(&dataset, &pipeline, |_| Ok(())).unwrap();
        assert_eq!(images.len(), dataset.len());
        let batches = sequential_batches(dataset.len(), 4);
        for loaded in Loader::new(dataset, pipeline, batches, 0, 2).unwrap() {
            let loaded = loaded.unwrap();
            let (first, last) = (loaded.indices[0], loaded.indices[loaded.indices.len() - 1]);
            assert!(images.batch(first..last + 1) == loaded, "{} from {first}", data.name);
        }
    }
}

#[test]
fn settings_that_cannot_be_are_usage_errors() {
    let check = |change: &dyn Fn(&mut DataConfigs), parts: &[&str]| {
        let mut data = data("Shapes_photo", Path::new(""));
        change(&mut data.configs);
        let result: std::result::Result<_, Error> = Pipeline::new(&data, Augment::Eval);
        check_error(result, 2, parts);
    };
    check(&|configs| configs.image_size = 0, &["data.configs.image_size", ": 0"]);
    check(
        &|configs| configs.shuffle_block_config = Some(ShuffleBlock { seed: 0, block_size: 5 }),
        &["32: 5"],
    );
    check(
        &|configs| {
            configs.shuffle_block_config = Some(ShuffleBlock { seed: 0, block_size: 8 });
            configs.shuffle_pixel_config = Some(ShufflePixel { seed: 0 });
        },
        &["only one of"],
    );
}
