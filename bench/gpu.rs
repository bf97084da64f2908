//! Basin's side of `gpu.py`: times one network on a device, says where the time of a step goes, and prints one JSON object.

use std::time::Instant;

use basin_core::data::Labelling;
use basin_core::device::Choice;
use basin_core::evaluate::loss::{Targets, loss};
use basin_core::model::conv::{Options, conv};
use basin_core::model::layer::LinearMap;
use basin_core::model::{Arch, Network, initial_state};
use basin_core::optim::rule::Sgd;
use basin_core::optim::{Optimizer, OptimizerSettings, UpdateRule};
use basin_core::train::gradients::take_gradients;
use burn::tensor::{Device, Distribution, FloatDType, Tensor};
use serde_json::json;

/// Side of the square matrices whose product says what the device can do.
const LIMIT: usize = 4096;

/// What is timed.
struct Case {
    arch: Arch,
    size: usize,
    batch: usize,
    precision: FloatDType,
    device: Device,
    steps: usize,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [device, arch, size, batch, precision, steps] = arguments.as_slice() else {
        eprintln!("usage: gpu DEVICE ARCH SIZE BATCH f32|bf16 STEPS");
        std::process::exit(2);
    };
    let number = |text: &str| text.parse::<usize>().expect("a number");
    let case = Case {
        arch: Arch::new(arch, 345).expect("an architecture"),
        size: number(size),
        batch: number(batch),
        precision: if precision == "bf16" { FloatDType::BF16 } else { FloatDType::F32 },
        device: device.parse::<Choice>().and_then(Choice::open).expect("a device"),
        steps: number(steps),
    };
    let forward = case.forward();
    let [train, host, optimizer] = case.train();
    let mib = |bytes: u64| bytes / (1 << 20);
    let reserved = case.device.memory_pool_usage().map(|usage| mib(usage.bytes_reserved));
    let [conv_forward, data_gradient, weight_gradient] = case.convolutions();
    let flops: f64 = case.arch.linear_maps(case.size).iter().map(|map| case.flops(map)).sum();
    let product = case.seconds(|| {
        let matrix = || case.random([LIMIT, LIMIT]).cast(case.precision);
        let (one, two) = (matrix(), matrix());
        move || drop(one.clone().matmul(two.clone()))
    });
    let ms = |seconds: f64| 1e3 * seconds;
    let result = json!({
        "forward_ms": ms(forward), "train_ms": ms(train), "peak_mib": reserved,
        "parts_ms": {
            "convolutions forward": ms(conv_forward), "data gradients": ms(data_gradient),
            "weight gradients": ms(weight_gradient), "optimizer": ms(optimizer),
            "element-wise and the rest": ms(train - conv_forward - data_gradient - weight_gradient - optimizer),
            "host, beside the device": ms(host),
        },
        "convolution_tflops": flops / conv_forward / 1e12,
        "matrix_product_tflops": 2.0 * (LIMIT as f64).powi(3) / product / 1e12,
    });
    println!("{result}");
}

impl Case {
    fn random<const D: usize>(&self, shape: [usize; D]) -> Tensor<D> {
        Tensor::random(shape, Distribution::Uniform(-1.0, 1.0), &self.device)
    }

    /// Seconds of one run of what `prepare` returns, with nothing read in between, after three runs of warm-up.
    fn seconds<F: FnMut()>(&self, prepare: impl FnOnce() -> F) -> f64 {
        self.timed(prepare)[0]
    }

    /// Seconds of one run until the device is done, and until the host has launched it.
    fn timed<F: FnMut()>(&self, prepare: impl FnOnce() -> F) -> [f64; 2] {
        let mut run = prepare();
        let sync = || self.device.sync().expect("the device works");
        (0..3).for_each(|_| run());
        sync();
        let start = Instant::now();
        (0..self.steps).for_each(|_| run());
        let launched = start.elapsed().as_secs_f64();
        sync();
        [start.elapsed().as_secs_f64(), launched].map(|seconds| seconds / self.steps as f64)
    }

    fn network(&self) -> Network {
        Network::new(self.arch.clone(), &initial_state(&self.arch, 0), &self.device).expect("it fits")
    }

    /// Seconds of a forward pass.
    fn forward(&self) -> f64 {
        self.seconds(|| {
            let network = self.network();
            let images = self.random([self.batch, 3, self.size, self.size]).cast(self.precision);
            move || drop(network.forward(images.clone()))
        })
    }

    /// Seconds of a training step, of launching it, and of its optimizer.
    fn train(&self) -> [f64; 3] {
        let mut network = self.network();
        let rule = UpdateRule::Sgd(Sgd { momentum: 0.9, ..Sgd::default() });
        let settings = OptimizerSettings {
            base_lr: 1e-3,
            weight_decay: 1e-4,
            custom_lrs: Vec::new(),
            layer_decay: 1.0,
            rule,
        };
        let mut optimizer = Optimizer::new(&settings, network.trained()).expect("no custom rates");
        let images = self.random([self.batch, 3, self.size, self.size]).cast(self.precision);
        let images = Tensor::from_inner(images);
        let targets = Targets { first: (0..self.batch).map(|i| i % 345).collect(), second: None };
        let [step, launched] = self.timed(|| {
            || {
                let tracked = network.tracked();
                let (logits, statistics) = tracked.forward_train(images.clone());
                let mut gradients = loss(logits, &targets, Labelling::Class).backward();
                let gradients = take_gradients(tracked, &mut gradients);
                optimizer.step(network.trained_mut(), gradients);
                network.update(statistics);
            }
        });
        let gradients: Vec<Tensor<1>> =
            network.trained().map(|(_, values)| values.random_like(Distribution::Default)).collect();
        let update = self.seconds(|| || optimizer.step(network.trained_mut(), gradients.clone()));
        [step, launched, update]
    }

    /// Seconds of all convolutions of a step: forward, and for the gradients of images and of weights.
    fn convolutions(&self) -> [f64; 3] {
        let mut sums = [0.0; 3];
        let maps = self.arch.linear_maps(self.size);
        let shape =
            |at: usize| (&self.arch.parameters[maps[at].weight].shape, maps[at].stride, maps[at].side);
        for at in 0..maps.len() {
            let (weights, stride, side) = shape(at);
            let [outputs, inputs, kernel, _] = weights[..] else { continue };
            // Each shape is timed once, and counts as often as it is there.
            if (0..at).any(|earlier| shape(earlier) == shape(at)) {
                continue;
            }
            let count = (at..maps.len()).filter(|later| shape(*later) == shape(at)).count() as f64;
            let options = Options { stride, padding: kernel / 2, relu: false };
            let images = self.random([self.batch, side, side, inputs]).cast(self.precision);
            let weights = self.random([kernel, kernel, inputs, outputs]).cast(self.precision);
            let zero = Tensor::<1>::zeros([1], &self.device);
            let run = |track: [bool; 2]| {
                let leaf = |values: Tensor<4>, track| {
                    let leaf = Tensor::from_inner(values);
                    if track { leaf.require_grad() } else { leaf }
                };
                let zero = Tensor::from_inner(zero.clone());
                let output = conv(
                    leaf(images.clone(), track[0]),
                    leaf(weights.clone(), track[1]),
                    zero.clone(),
                    zero,
                    None,
                    options,
                );
                if track != [false; 2] {
                    drop(output.backward());
                }
            };
            let forward = self.seconds(|| || run([false, false]));
            sums[0] += count * forward;
            // The first layer's images need no gradient.
            if at > 0 {
                sums[1] += count * (self.seconds(|| || run([true, false])) - forward);
            }
            sums[2] += count * (self.seconds(|| || run([false, true])) - forward);
        }
        sums
    }

    /// Operations of a layer's forward pass.
    fn flops(&self, map: &LinearMap) -> f64 {
        let weights: usize = self.arch.parameters[map.weight].shape.iter().product();
        2.0 * (self.batch * map.output().pow(2) * weights) as f64
    }
}
