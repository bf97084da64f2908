/* Stands between a program and the kernel, for every call that changes files below FAULT_FOLDER (an absolute path).
 *
 * Build: cc -O2 -shared -fPIC faults.c -o faults.so      Use: LD_PRELOAD=faults.so FAULT_...=... program
 *
 * FAULT_MODE=fail   counts the calls that need space or a working disk. Call number FAULT_AT, from 1, fails with the error
 *                   number FAULT_ERROR; 0 only counts. The count and what failed are in the file FAULT_STATE.
 * FAULT_MODE=power  appends a record of every change and every sync to the file FAULT_LOG, in their order.
 *
 * Some libraries of the program call the kernel without the C library, so functions of the C library are not replaced. A filter
 * of the kernel (seccomp) sends a signal for each such call instead, and the signal's handler makes the call. A sixth argument
 * that no such call has, PASS, lets the handler's own calls through. Child processes inherit all of it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <ucontext.h>
#include <unistd.h>

#ifndef __x86_64__
#error "the numbers and registers of kernel calls below are those of x86-64"
#endif

#define PASS 0x5afe0ca11L
#define LONGEST 4096

/* The file FAULT_STATE, which all processes share. */
struct state {
    volatile int lock;
    int failed;
    uint64_t count;
    char what[2 * LONGEST];
};

/* The head of a record of FAULT_LOG; both paths and the data follow. */
struct record {
    char kind; /* c reate, w rite, t runcate, s ync, S ync of a folder, sync of A ll, r ename, l ink, u nlink, m kdir, d rmdir */
    char is_new, is_cut;
    char unused;
    uint16_t lengths[2];
    uint64_t inode, offset, bytes;
};

static struct state *state;
static char folder[LONGEST];
static size_t folder_length;
static int mode_power, log_file = -1;
static uint64_t fail_at;
static int fail_error;

static long pass(long number, long a, long b, long c, long d, long e) {
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = PASS;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

static void lock(void) {
    while (__sync_lock_test_and_set(&state->lock, 1)) sched_yield();
}

static void unlock(void) { __sync_lock_release(&state->lock); }

/* Where an open file or folder lies. */
static int place_of(int file, char *path) {
    char link[64];
    snprintf(link, sizeof link, file == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", file);
    long length = readlink(link, path, LONGEST - 1);
    path[length < 0 ? 0 : length] = 0;
    return length > 0;
}

/* The absolute path of a name in a folder, without "." and double slashes. */
static void resolve(int at, const char *name, char *path) {
    char whole[2 * LONGEST];
    whole[0] = 0;
    if (name[0] != '/') place_of(at, whole);
    size_t length = strlen(whole);
    snprintf(whole + length, sizeof whole - length, "/%s", name);
    size_t to = 0;
    for (char *from = whole; *from && to < LONGEST - 1;) {
        if (from[0] == '/' && (from[1] == '/' || from[1] == 0)) from += 1;
        else if (from[0] == '/' && from[1] == '.' && (from[2] == '/' || from[2] == 0)) from += 2;
        else path[to++] = *from++;
    }
    path[to] = 0;
}

/* The part of a path below the folder, or nothing. */
static const char *below(const char *path) {
    if (strncmp(path, folder, folder_length) || (path[folder_length] != '/' && path[folder_length])) return NULL;
    return path[folder_length] ? path + folder_length + 1 : "";
}

static uint64_t inode_of(int file, int *is_folder, uint64_t *size) {
    struct stat about;
    if (fstat(file, &about)) return 0;
    *is_folder = S_ISDIR(about.st_mode);
    *size = about.st_size;
    return about.st_ino;
}

/* Whether the folder is there that a path lies in. */
static int has_folder(const char *path) {
    char parent[LONGEST];
    snprintf(parent, sizeof parent, "%s", path);
    char *end = strrchr(parent, '/');
    if (end) *end = 0;
    return !access(parent, F_OK);
}

/* Whether this call is the one that fails. */
static int fails(const char *call, const char *path) {
    uint64_t number = ++state->count;
    if (number != fail_at) return 0;
    state->failed = 1;
    snprintf(state->what, sizeof state->what, "%s %s", call, path);
    return 1;
}

static void record(struct record head, const char *one, const char *two, const struct iovec *data, int count) {
    struct iovec parts[3 + 1024];
    if (count > 1024) count = 1024;
    head.lengths[0] = strlen(one);
    head.lengths[1] = strlen(two);
    parts[0] = (struct iovec){&head, sizeof head};
    parts[1] = (struct iovec){(void *)one, head.lengths[0]};
    parts[2] = (struct iovec){(void *)two, head.lengths[1]};
    uint64_t left = head.bytes;
    int used = 3;
    for (int at = 0; at < count && left; at++) {
        size_t length = data[at].iov_len < left ? data[at].iov_len : left;
        parts[used++] = (struct iovec){data[at].iov_base, length};
        left -= length;
    }
    pass(SYS_writev, log_file, (long)parts, used, 0, 0);
}

/* A call that changes the content of an open file, or syncs it. */
static long on_file(long number, const long *a) {
    char path[LONGEST];
    const char *name = place_of(a[0], path) ? below(path) : NULL;
    if (!name) return pass(number, a[0], a[1], a[2], a[3], a[4]);
    int is_sync = number == SYS_fsync || number == SYS_fdatasync || number == SYS_syncfs;
    int is_truncate = number == SYS_ftruncate || number == SYS_fallocate;
    lock();
    long result;
    if (!mode_power) {
        result = fails(is_sync ? "sync" : is_truncate ? "resize" : "write", name)
                     ? -fail_error
                     : pass(number, a[0], a[1], a[2], a[3], a[4]);
        unlock();
        return result;
    }
    int is_folder = 0;
    uint64_t size = 0;
    struct record head = {.kind = 'w'};
    head.inode = inode_of(a[0], &is_folder, &size);
    if (number == SYS_pwrite64 || number == SYS_pwritev) head.offset = a[3];
    else if (fcntl(a[0], F_GETFL) & O_APPEND) head.offset = size;
    else if (!is_sync && !is_truncate) head.offset = lseek(a[0], 0, SEEK_CUR);
    result = pass(number, a[0], a[1], a[2], a[3], a[4]);
    if (result >= 0) {
        struct iovec one = {(void *)a[1], a[2]};
        int has_parts = number == SYS_writev || number == SYS_pwritev;
        if (number == SYS_syncfs) head.kind = 'A';
        else if (is_sync) head.kind = is_folder ? 'S' : 's';
        else if (is_truncate) {
            head.kind = 't';
            inode_of(a[0], &is_folder, &size);
            head.offset = size;
        } else head.bytes = result;
        record(head, name, "", has_parts ? (struct iovec *)a[1] : &one, has_parts ? a[2] : 1);
    }
    unlock();
    return result;
}

/* A call that changes a folder: one that gives a path, or two. */
static long on_folder(long number, const long *a, char kind, int at_one, const char *one, int at_two, const char *two) {
    char path_one[LONGEST], path_two[LONGEST] = "";
    resolve(at_one, one, path_one);
    if (two) resolve(at_two, two, path_two);
    const char *name = below(path_one), *other = two ? below(path_two) : "";
    if (!name || !other) return pass(number, a[0], a[1], a[2], a[3], a[4]);
    lock();
    struct record head = {.kind = kind};
    int was_there = !access(path_one, F_OK);
    int needs_space = kind == 'r' || kind == 'l' || ((kind == 'c' || kind == 'm') && !was_there && has_folder(path_one));
    const char *call = kind == 'c' ? "open" : kind == 'm' ? "mkdir" : kind == 'l' ? "link" : "rename";
    if (!mode_power && needs_space && fails(call, two ? other : name)) {
        unlock();
        return -fail_error;
    }
    long result = pass(number, a[0], a[1], a[2], a[3], a[4]);
    if (mode_power && result >= 0) {
        if (kind == 'c') {
            int is_folder;
            uint64_t size;
            head.inode = inode_of(result, &is_folder, &size);
            head.is_new = !was_there;
            head.is_cut = ((number == SYS_openat ? a[2] : a[1]) & O_TRUNC) != 0;
        }
        record(head, name, other, NULL, 0);
    }
    unlock();
    return result;
}

static long handle(long number, const long *a) {
    const int here = AT_FDCWD;
    switch (number) {
    case SYS_open: return on_folder(number, a, 'c', here, (char *)a[0], 0, NULL);
    case SYS_openat: return on_folder(number, a, 'c', a[0], (char *)a[1], 0, NULL);
    case SYS_mkdir: return on_folder(number, a, 'm', here, (char *)a[0], 0, NULL);
    case SYS_mkdirat: return on_folder(number, a, 'm', a[0], (char *)a[1], 0, NULL);
    case SYS_unlink: return on_folder(number, a, 'u', here, (char *)a[0], 0, NULL);
    case SYS_unlinkat: return on_folder(number, a, a[2] & AT_REMOVEDIR ? 'd' : 'u', a[0], (char *)a[1], 0, NULL);
    case SYS_rmdir: return on_folder(number, a, 'd', here, (char *)a[0], 0, NULL);
    case SYS_rename: return on_folder(number, a, 'r', here, (char *)a[0], here, (char *)a[1]);
    case SYS_renameat:
    case SYS_renameat2: return on_folder(number, a, 'r', a[0], (char *)a[1], a[2], (char *)a[3]);
    case SYS_link: return on_folder(number, a, 'l', here, (char *)a[0], here, (char *)a[1]);
    case SYS_linkat: return on_folder(number, a, 'l', a[0], (char *)a[1], a[2], (char *)a[3]);
    /* The program copies with ordinary reads and writes then. */
    case SYS_copy_file_range:
    case SYS_sendfile: return -ENOSYS;
    default: return on_file(number, a);
    }
}

static void on_signal(int signal, siginfo_t *info, void *context) {
    (void)signal;
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    const long a[5] = {registers[REG_RDI], registers[REG_RSI], registers[REG_RDX], registers[REG_R10], registers[REG_R8]};
    int before = errno;
    registers[REG_RAX] = handle(info->si_syscall, a);
    errno = before;
}

static const int CALLS[] = {SYS_write, SYS_pwrite64, SYS_writev, SYS_pwritev, SYS_ftruncate, SYS_fallocate, SYS_fsync,
                            SYS_fdatasync, SYS_syncfs, SYS_mkdir, SYS_mkdirat, SYS_unlink, SYS_unlinkat, SYS_rmdir, SYS_rename,
                            SYS_renameat, SYS_renameat2, SYS_link, SYS_linkat, SYS_copy_file_range, SYS_sendfile};
#define COUNT (sizeof CALLS / sizeof *CALLS)

static void trap_calls(void) {
    struct sock_filter filter[COUNT + 16];
    int at = 0;
    const uint32_t trap = SECCOMP_RET_TRAP, allow = SECCOMP_RET_ALLOW;
    filter[at++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[5]));
    filter[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)PASS, 0, 1);
    filter[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, allow);
    filter[at++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (size_t call = 0; call < COUNT; call++)
        filter[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, CALLS[call], COUNT - call + 7, 0);
    /* Files that are only read stay as they are: a new program is loaded before the handler is there. */
    filter[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 2, 0);
    filter[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_open, 3, 0);
    filter[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, allow);
    filter[at++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2]));
    filter[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0);
    filter[at++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1]));
    filter[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, O_CREAT | O_TRUNC, 1, 0);
    filter[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, allow);
    filter[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, trap);
    struct sock_fprog program = {at, filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
        perror("faults: this kernel has no seccomp");
        _exit(120);
    }
}

static const char *needed(const char *name) {
    const char *value = getenv(name);
    if (value) return value;
    fprintf(stderr, "faults: %s is not set\n", name);
    _exit(120);
}

__attribute__((constructor)) static void begin(void) {
    snprintf(folder, sizeof folder, "%s", needed("FAULT_FOLDER"));
    folder_length = strlen(folder);
    mode_power = !strcmp(needed("FAULT_MODE"), "power");
    int file = open(needed("FAULT_STATE"), O_RDWR | O_CLOEXEC);
    state = mmap(NULL, sizeof *state, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (mode_power) {
        log_file = open(needed("FAULT_LOG"), O_WRONLY | O_APPEND | O_CLOEXEC);
    } else {
        fail_at = strtoull(needed("FAULT_AT"), NULL, 10);
        fail_error = atoi(needed("FAULT_ERROR"));
    }
    if (file < 0 || state == MAP_FAILED || (mode_power && log_file < 0)) {
        perror("faults");
        _exit(120);
    }
    close(file);
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigfillset(&action.sa_mask);
    sigaction(SIGSYS, &action, NULL);
    trap_calls();
}
