//! What torchvision's downloads are, by the names of their files: its table of weights for ImageNet (torchvision 0.29).

/// Names of files without their ending, and the length that the shorter side of an image is resized to before a crop of 224 pixels.
const DOWNLOADS: [(&str, usize); 21] = [
    ("densenet121-a639ec97", 256),
    ("densenet161-8d451a50", 256),
    ("densenet169-b2777c0a", 256),
    ("densenet201-c1103571", 256),
    ("resnet101-63fe2227", 256),
    ("resnet101-cd907fc2", 232),
    ("resnet152-394f9c45", 256),
    ("resnet152-f82ba261", 232),
    ("resnet18-f37072fd", 256),
    ("resnet34-b627a593", 256),
    ("resnet50-0676ba61", 256),
    ("resnet50-11ad3fa6", 232),
    ("resnext101_32x8d-110c445d", 232),
    ("resnext101_32x8d-8ba56ff5", 256),
    ("resnext101_64x4d-173b62eb", 232),
    ("resnext50_32x4d-1a0047aa", 232),
    ("resnext50_32x4d-7cdf4587", 256),
    ("wide_resnet101_2-32ee1156", 256),
    ("wide_resnet101_2-d733dc28", 232),
    ("wide_resnet50_2-95faca4d", 256),
    ("wide_resnet50_2-9ba9bcbe", 232),
];
/// Side of the crop, pixels.
pub(super) const SIDE: usize = 224;

/// A download.
struct Download {
    /// The network in torchvision.
    network: &'static str,
    resized: usize,
}

fn download(file_name: &str) -> Option<Download> {
    let stem = file_name.strip_suffix(".pth")?;
    let (stem, resized) = DOWNLOADS.into_iter().find(|(known, _)| *known == stem)?;
    let (network, _) = stem.rsplit_once('-')?;
    Some(Download { network, resized })
}

/// The architecture of a download, by its file's name; `None` for any other file.
pub fn torchvision_architecture(file_name: &str) -> Option<String> {
    let Download { network, .. } = download(file_name)?;
    Some(if network.starts_with("densenet") { network.to_owned() } else { format!("torchvision/{network}") })
}

/// The length that the shorter side of a download's images was resized to before a crop of [`SIDE`] pixels, by its file's name; `None`
/// for any other file.
pub(super) fn torchvision_resized(file_name: &str) -> Option<usize> {
    download(file_name).map(|download| download.resized)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_weights_of_a_network_were_prepared_otherwise() {
        assert_eq!(torchvision_resized("resnet50-0676ba61.pth"), Some(256));
        assert_eq!(torchvision_resized("resnet50-11ad3fa6.pth"), Some(232));
        assert_eq!(torchvision_resized("resnet50.pth"), None);
    }
}
