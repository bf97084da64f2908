//! The parts of a data set, and what its labels say.

/// Part of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Split {
    /// The training set.
    Train,
    /// The training images in evaluation mode: each once, where training visits some twice.
    EvalTrain,
    /// The test set; the best checkpoint is chosen on it too, as in the paper.
    Test,
    /// CheXpert's official validation set, evaluated beside the test set.
    Dev,
}

impl Split {
    /// The name in files, event tags and the reference.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::EvalTrain => "eval_mode_train",
            Self::Test => "test",
            Self::Dev => "dev",
        }
    }

    /// The split of that [`Split::name`].
    pub fn named(name: &str) -> Option<Self> {
        [Self::Train, Self::EvalTrain, Self::Test, Self::Dev].into_iter().find(|split| split.name() == name)
    }

    /// Of data sets that come as a training and a test set: `train` or `test`.
    pub fn half(self) -> &'static str {
        match self {
            Self::Train | Self::EvalTrain => "train",
            Self::Test | Self::Dev => "test",
        }
    }

    /// The name in a sentence.
    pub fn title(self) -> &'static str {
        match self {
            Self::EvalTrain => "train",
            other => other.name(),
        }
    }
}

/// What a label says; it decides the loss and the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Labelling {
    /// One class, from 0: cross-entropy and accuracy.
    Class,
    /// A set of findings, bit k for finding k of these names: binary cross-entropy, and the area under each ROC curve.
    Findings(&'static [&'static str]),
}

impl Labelling {
    /// Decisions that a network makes about a sample: which class, or which of the findings.
    pub fn decisions(self) -> usize {
        match self {
            Self::Class => 1,
            Self::Findings(names) => names.len(),
        }
    }
}
