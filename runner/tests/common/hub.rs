//! A Hugging Face hub on this machine, with a server elsewhere for large files.

use basin_core::file::digest;
use serde_json::{Value, json};

use super::server::{Reply, Request, Server, honest};

/// What all revisions of a repository name.
pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// A hub, and the server to which it sends those who want a large file.
pub struct Hub {
    pub endpoint: Server,
    pub storage: Server,
}

pub type Files = Vec<(&'static str, Vec<u8>)>;

impl Hub {
    /// With one repository, such as `lab/shapes`, of which `main`, `v1` and the commit are the same.
    pub fn of(repository: &'static str, files: Files) -> Self {
        Self::with(repository, files, |_| None, |_, reply| reply)
    }

    /// The same where some requests are answered otherwise, and where large files come otherwise.
    pub fn with(
        repository: &'static str,
        files: Files,
        other: impl Fn(&Request) -> Option<Reply> + Send + Sync + 'static,
        sent: impl Fn(&Request, Reply) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let large: Vec<Vec<u8>> =
            files.iter().filter(|(name, _)| is_large(name)).map(|(_, file)| file.clone()).collect();
        let storage = Server::start(move |request| {
            let is_it = |file: &&Vec<u8>| request.path == format!("/{}?signature=abc", digest(file));
            let file = large.iter().find(is_it);
            file.map_or(Reply::status(403), |file| sent(request, honest(file, request)))
        });
        let address = storage.address.clone();
        let endpoint = Server::start(move |request| {
            other(request).unwrap_or_else(|| answer(repository, &files, &address, request))
        });
        Self { endpoint, storage }
    }

    /// Methods and paths of all requests to the hub itself.
    pub fn asked(&self) -> Vec<String> {
        let requests = self.endpoint.requests.lock().unwrap();
        requests.iter().map(|request| format!("{} {}", request.method, request.path)).collect()
    }

    /// How often a large file was sent, or a part of one.
    pub fn sent(&self) -> usize {
        self.storage.requests.lock().unwrap().len()
    }
}

fn is_large(name: &str) -> bool {
    !name.ends_with(".json")
}

fn answer(repository: &str, files: &Files, storage: &str, request: &Request) -> Reply {
    let refused = |status, code: &str| Reply::status(status).header(format!("X-Error-Code: {code}"));
    if request.path == format!("/api/models/{repository}/revision/main") {
        let names: Vec<Value> = files.iter().map(|(name, _)| json!({ "rfilename": name })).collect();
        return Reply::whole(json!({ "siblings": names }).to_string().as_bytes());
    }
    let moved = request.path.strip_prefix("/api/resolve-cache/");
    let Some(rest) = moved.or(request.path.strip_prefix(&format!("/{repository}/resolve/"))) else {
        return refused(401, "RepoNotFound");
    };
    let (revision, name) = rest.split_once('/').unwrap();
    if !["main", "v1", COMMIT].contains(&revision) {
        return refused(404, "RevisionNotFound");
    }
    let Some((_, file)) = files.iter().find(|(known, _)| *known == name) else {
        return refused(404, "EntryNotFound");
    };
    let commit = format!("X-Repo-Commit: {COMMIT}");
    let tag = digest(file);
    match (is_large(name), moved) {
        (true, _) => Reply::status(302)
            .header(format!("Location: {storage}/{tag}?signature=abc"))
            .header(format!("X-Linked-Etag: \"{tag}\""))
            .header(format!("X-Linked-Size: {}", file.len()))
            .header(commit),
        (false, None) => Reply::status(307).header(format!("Location: /api/resolve-cache/{COMMIT}/{name}")),
        (false, Some(_)) => honest(file, request).header(format!("ETag: \"{}\"", &tag[..40])).header(commit),
    }
}
