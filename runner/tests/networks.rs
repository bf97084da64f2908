//! Every analysis takes networks of each family apart into their blocks: transformers, ConvNeXts, DenseNets.

use serde_json::Value;

use crate::common::{KEY, folder, runner, success};

/// A network, and what analyses find in it.
struct Case {
    arch: &'static str,
    /// How many modules it has.
    modules: usize,
    /// One of them.
    module: &'static str,
    /// Layers in order, each with the shape of its weight: attention's matrices, depthwise convolutions.
    layers: &'static [(&'static str, &'static [u64])],
}

const SMALL: [&str; 5] = [
    "data.configs.train_per_class=4",
    "data.configs.test_per_class=2",
    "train.batch_size=8",
    "train.epochs=1",
    "optimizer.base_lr=0.01",
];

#[test]
fn analyses_of_vision_transformers() {
    check(&Case {
        arch: "test_vit",
        modules: 11,
        module: "blocks.3",
        layers: &[
            ("blocks.3.attn.qkv", &[192, 64]),
            ("blocks.3.attn.proj", &[64, 64]),
            ("blocks.3.mlp.fc1", &[192, 64]),
            ("blocks.3.mlp.fc2", &[64, 192]),
        ],
    });
}

#[test]
fn analyses_of_convnexts() {
    check(&Case {
        arch: "convnext_atto",
        modules: 19,
        module: "stages.1.blocks.1",
        layers: &[
            ("stages.1.blocks.1.conv_dw", &[80, 1, 7, 7]),
            ("stages.1.blocks.1.mlp.fc1", &[320, 80, 1, 1]),
            ("stages.1.blocks.1.mlp.fc2", &[80, 320, 1, 1]),
        ],
    });
}

#[test]
fn analyses_of_densenets() {
    check(&Case {
        arch: "densenet121",
        modules: 70,
        module: "features.denseblock4.denselayer16",
        layers: &[
            ("features.denseblock4.denselayer16.conv1", &[128, 992, 1, 1]),
            ("features.denseblock4.denselayer16.conv2", &[32, 128, 3, 3]),
        ],
    });
}

fn check(case: &Case) {
    let here = folder();
    for (base, seed) in [("one", "1"), ("two", "2")] {
        let mut command = runner(here.path());
        command.args(["-k", KEY, "-b", base, "--set", &format!("model.arch={}", case.arch)]);
        command.args(["--set", &format!("seed.init={seed}"), "--set", &format!("seed.order={seed}")]);
        SMALL.iter().for_each(|setting| _ = command.args(["--set", setting]));
        success(command);
    }
    let [one, two] = ["one", "two"].map(|base| format!("{base}/{KEY}/checkpoints/ckpt-E001.safetensors"));
    let json = |arguments: &[&str]| -> Value {
        let mut command = runner(here.path());
        command.args(arguments).arg("--json");
        serde_json::from_str(&success(command)).unwrap()
    };

    let [ends_at_one, ends_at_two] = [&one, &two].map(|path| json(&["eval", path]));
    // The running statistics of the networks themselves stand at the ends of a line between batch-normalised ones.
    let line = json(&["interpolate", &one, &two, "--coefficients", "0,0.5,1", "--statistics", "averaged"]);
    for (point, end) in [(0, &ends_at_one), (2, &ends_at_two)] {
        close(&line["points"][point]["loss"], &end["loss"], 1e-6);
        assert_eq!(line["points"][point]["accuracy"], end["accuracy"]);
    }

    let similarity = json(&["similarity", &one, &one]);
    let pair = &similarity["pairs"][0]["modules"];
    assert_eq!(list(pair).len(), case.modules);
    for (number, row) in list(pair).iter().enumerate() {
        close(&row[number], &Value::from(1.0), 1e-9);
    }

    let distance = &json(&["distance", &one, &two])["result"]["pairs"][0]["distance"];
    let squares = |of: &str| list(&distance[of]).iter().map(|part| number(&part["l2"]).powi(2)).sum::<f64>();
    let whole = number(&distance["global"]["l2"]);
    for of in ["tensors", "modules"] {
        assert!((squares(of).sqrt() / whole - 1.0).abs() < 1e-9, "{of} {} {whole}", squares(of).sqrt());
    }

    let rewound = json(&["rewind", &one, "--to", "0"]);
    close(&rewound["none"]["loss"], &ends_at_one["loss"], 1e-6);
    assert!(list(&rewound["modules"]).contains(&Value::from(case.module)), "{}", rewound["modules"]);
    assert_eq!(list(&rewound["rewound"][0]["measures"]).len(), list(&rewound["modules"]).len());

    let grid = ["--alphas", "0,1", "--sigmas", "0,0.1", "--draws", "1", "--modules", case.module];
    let criticality = json(&[["criticality", &one].as_slice(), &grid].concat());
    let points = list(&criticality["modules"][0]["points"]);
    let at_the_end = points.iter().find(|point| point["position"] == 1.0 && point["sigma"] == 0.0).unwrap();
    close(&at_the_end["mean"]["loss"], &criticality["end"]["loss"], 1e-5);

    let layers = &json(&["spectrum", &one, "--layers", &format!("^{}\\.", case.module.replace('.', "\\."))]);
    let found: Vec<(&str, Vec<u64>)> = list(&layers["spectra"][0]["layers"])
        .iter()
        .map(|layer| {
            let shape = list(&layer["shape"]).iter().map(|length| length.as_u64().unwrap()).collect();
            (layer["name"].as_str().unwrap(), shape)
        })
        .collect();
    let expected: Vec<_> = case.layers.iter().map(|(name, shape)| (*name, shape.to_vec())).collect();
    assert_eq!(found, expected);

    let mistakes = json(&["mistakes", &one, &two]);
    let counts = &mistakes["pairs"][0]["all"]["counts"];
    let wrong = number(&counts["only_one_wrong"]) + number(&counts["both_wrong"]);
    assert_eq!(100.0 - 100.0 * wrong / 20.0, number(&ends_at_one["accuracy"]));

    let basin = json(&["basin", &one, &two, "--draws", "1", "--samples", "5"]);
    // A basin's distance is that of trained parameters.
    let is_trained = |tensor: &&Value| !tensor["name"].as_str().unwrap().contains("running_");
    let trained = list(&distance["tensors"]).iter().filter(is_trained);
    let trained = trained.map(|tensor| number(&tensor["l2"]).powi(2)).sum::<f64>().sqrt();
    close(&basin["distance"], &Value::from(trained), 1e-6);
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("{value}"))
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value}"))
}

#[track_caller]
fn close(one: &Value, two: &Value, tolerance: f64) {
    let (one, two) = (number(one), number(two));
    assert!((one - two).abs() <= tolerance * two.abs().max(1.0), "{one} {two}");
}
