#!/usr/bin/env bash
# A sweep on a real Slurm: installs Slurm and munge, starts a controller and a node daemon on this machine, submits keys of which
# two start from the third, requeues one run in the middle, sends SIGUSR1 to each, as Slurm does before a time limit, and compares
# every checkpoint with those of `runner sweep` byte by byte. Ends with 0 only if all are the same. Daemons are stopped at the
# end; logs stay in the folder.
#
# Run as root on Debian: runner/slurm-test.sh FOLDER   (takes about eight minutes on 2 cores; FOLDER must be new)
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir "${1:?names no new folder; run it as runner/slurm-test.sh FOLDER}"
folder=$(realpath "$1")
say() { echo "$(date +%T) $*"; }

command -v sbatch slurmd slurmctld munged >/dev/null || {
    apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends slurm-wlm munge
}
cargo build --release --workspace
runner=$PWD/target/release/runner
mkdir -p "$folder/configs" "$folder/slurm/state" "$folder/slurm/spool"
sed 's/ckpt-E001/ckpt-E060/' runner/tests/common/tiny.ron >"$folder/configs/tiny.ron"
cd "$folder"
keys='tiny/(first|tuned)'
settings=(--configs configs --set train.epochs=60 --set data.configs.train_per_class=16)

say "the same runs without Slurm"
"$runner" sweep "$keys" -b local "${settings[@]}" 2>local.log

slurm=$folder/slurm
head -c 1024 /dev/urandom >"$slurm/munge.key"
chmod 400 "$slurm/munge.key"
cat >"$slurm/slurm.conf" <<CONF
ClusterName=test
SlurmctldHost=$(hostname)
SlurmUser=root
SlurmdUser=root
SlurmctldPort=26817
SlurmdPort=26818
AuthType=auth/munge
CredType=cred/munge
# A requeued job waits until its old credential is out of date.
AuthInfo=socket=$slurm/munge.socket,cred_expire=5
SlurmctldPidFile=$slurm/slurmctld.pid
SlurmdPidFile=$slurm/slurmd.pid
SlurmctldLogFile=$slurm/slurmctld.log
SlurmdLogFile=$slurm/slurmd.log
StateSaveLocation=$slurm/state
SlurmdSpoolDir=$slurm/spool
# No control groups and no systemd are needed.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
ReturnToService=2
NodeName=$(hostname) CPUs=$(nproc) State=UNKNOWN
PartitionName=test Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
export SLURM_CONF=$slurm/slurm.conf
stop() {
    scancel --user="$(id -un)" || true
    for daemon in slurmd slurmctld munged; do
        if [ -f "$slurm/$daemon.pid" ]; then kill "$(cat "$slurm/$daemon.pid")" || true; fi
    done
}
trap stop EXIT
munged --force --key-file="$slurm/munge.key" --socket="$slurm/munge.socket" --pid-file="$slurm/munged.pid" \
    --log-file="$slurm/munged.log" --seed-file="$slurm/munge.seed"
slurmctld
slurmd

# Waits for a condition, five minutes at most.
until_true() {
    for _ in $(seq 600); do
        if eval "$1"; then return; fi
        sleep 0.5
    done
    squeue
    say "in vain: $1"
    exit 1
}
# Whether a run's log has that many lines that match.
lines() { [ "$(grep -c "$2" "cluster/$1/run.log" 2>/dev/null)" -ge "$3" ]; }
epochs() { wc -l <"cluster/$1/metrics.jsonl"; }
# Waits until a run has got a few epochs further.
further() {
    until_true "[ -f cluster/$1/metrics.jsonl ]"
    local at
    at=$(epochs "$1")
    until_true "[ \$(epochs $1) -ge $((at + 5)) ]"
}

until_true 'sinfo -h -o %t | grep -q idle'
mapfile -t jobs < <("$runner" slurm "$keys" -b cluster "${settings[@]}" --submit)
[ "${#jobs[@]}" -eq 2 ]
say "jobs ${jobs[*]}: requeue the first run in the middle"
further tiny/first
scontrol requeue "${jobs[0]}_0"
until_true 'lines tiny/first "interrupted by signal 15" 1'
until_true 'lines tiny/first "resuming in epoch" 1'
say "SIGUSR1 to the first run"
further tiny/first
[ ! -e cluster/tiny/tuned ]
scancel --signal=USR1 "${jobs[0]}_0"
until_true 'lines tiny/first "interrupted by signal 10" 1'
until_true 'lines tiny/first "resuming in epoch" 2'
say "the first run goes on; the tuned ones wait for it"
for task in 0 1; do
    key=tiny/tuned/$([ $task = 0 ] && echo clipart || echo line)
    further "$key"
    scancel --signal=USR1 "${jobs[1]}_$task"
    until_true "lines $key 'interrupted by signal 10' 1"
done
say "the tuned runs were told as well; waiting for the end"
until_true '[ -z "$(squeue -h)" ]'

"$runner" status "$keys" -b cluster "${settings[@]}"
checked=0
while read -r file; do
    cmp "local/$file" "cluster/$file"
    checked=$((checked + 1))
done < <(cd local && find . -path '*/checkpoints/*.safetensors')
for key in first tuned/clipart tuned/line; do
    cmp "local/tiny/$key/checkpoints/ckpt-E060.safetensors" "cluster/tiny/$key/checkpoints/ckpt-E060.safetensors"
    lines tiny/$key 'resuming in epoch' 1
done
say "$checked checkpoints are the same, byte for byte"
