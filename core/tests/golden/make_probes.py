"""Writes probes.json: scikit-learn's LogisticRegression and nearest neighbours with softmax votes on small drawn features."""

import json
import numpy as np
import sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

STRENGTHS = [1e-4, 1e-2, 1, 100]


def values(array):
    return [float(f"{value:.9g}") for value in np.asarray(array).flatten()]


def draw(seed, samples, width, classes, spread):
    """Features around a mean for each class, some columns far larger than others, and all of them away from zero."""
    random = np.random.RandomState(seed)
    labels = np.arange(samples) % classes
    means = random.standard_normal((classes, width))
    features = means[labels] + spread * random.standard_normal((samples, width))
    features = np.maximum(features * np.geomspace(0.2, 4, width) + 1, 0)
    return features.astype(np.float32), labels


def regression(train, labels, test, strength, standard):
    scaler = StandardScaler().fit(train) if standard else None
    scaled = (lambda x: scaler.transform(x)) if standard else (lambda x: x)
    model = LogisticRegression(C=strength, solver="newton-cholesky", tol=1e-12, max_iter=1000).fit(scaled(train), labels)
    coefficients, intercepts = model.coef_, model.intercept_
    probabilities = model.predict_proba(scaled(train))
    loss = -np.log(probabilities[np.arange(len(labels)), labels])
    return {
        "strength": strength, "standard": standard,
        # Of the features as they are, one row for two classes.
        "weights": values(coefficients / scaler.scale_ if standard else coefficients),
        "biases": values(intercepts - (coefficients / scaler.scale_) @ scaler.mean_ if standard else intercepts),
        "loss": float(f"{loss.mean():.9g}"),
        "objective": float(f"{0.5 * (coefficients ** 2).sum() + strength * loss.sum():.9g}"),
        "predictions": model.predict(scaled(test)).tolist(),
        "probabilities": values(model.predict_proba(scaled(test))),
    }


def votes(train, labels, test, count, temperature, classes):
    normal = lambda x: x / np.linalg.norm(x, axis=1, keepdims=True)
    similarity = normal(test) @ normal(train).T
    nearest = np.argsort(-similarity, axis=1, kind="stable")[:, :count]
    weights = np.exp(np.take_along_axis(similarity, nearest, axis=1) / temperature)
    counted = np.zeros((len(test), classes))
    np.add.at(counted, (np.arange(len(test))[:, None], labels[nearest]), weights)
    return {"neighbours": count, "temperature": temperature, "votes": values(counted / counted.sum(axis=1, keepdims=True))}


cases = []
for seed, samples, width, classes, spread in [(1, 120, 8, 4, 1.0), (2, 60, 12, 2, 1.5), (3, 40, 30, 5, 0.7)]:
    features, labels = draw(seed, samples + 25, width, classes, spread)
    train, test = features[:samples].astype(np.float64), features[samples:].astype(np.float64)
    labels, tested = labels[:samples], labels[samples:]
    cases.append({
        "classes": classes, "width": width, "train": values(train), "labels": labels.tolist(),
        "test": values(test), "test_labels": tested.tolist(),
        "regressions": [regression(train, labels, test, strength, standard)
                        for strength in STRENGTHS for standard in [False, True]],
        "neighbours": [votes(train, labels, test, count, temperature, classes)
                       for count, temperature in [(1, 0.07), (5, 0.07), (20, 0.5), (samples, 0.07)]],
    })
with open("probes.json", "w") as file:
    json.dump({"scikit-learn": sklearn.__version__, "numpy": np.__version__, "cases": cases}, file, separators=(",", ":"))
    file.write("\n")
