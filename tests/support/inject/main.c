/* SPDX-License-Identifier: Apache-2.0 */
/* inject PID CALL ARG…: makes a process that runs execute one system call, and says what came of
 * it: "returned N", "refused ERRNO", "ended SIGNAL". What the process had in mind it does after
 * that. Each ARG is a number, or memory of the process:
 *
 *     text:STRING   a copy with a NUL behind it
 *     bytes:HEX     a copy
 *     zeros:N       N bytes
 *     vector:N      a struct iovec, and N bytes for it
 *
 * Takes root, since these processes may be traced by nobody else; exit status 77 without. */
#include <elf.h>
#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    ARGUMENTS = 6,
    MEMORY = 1024,
    BELOW_STACK = 4096,
    PATIENCE_S = 20,
    FAILED = 1,
    MAY_NOT = 77
};

static struct {
    uint8_t p[MEMORY];
    size_t n;
    uint64_t address; // where it is going to be
} memory;

static _Noreturn void
fail(const char *what)
{
    int code = errno;
    (void)fprintf(stderr, "inject: %s: %s\n", what, strerror(code));
    exit(code == EPERM ? MAY_NOT : FAILED);
}

/* ---- what a machine's registers are called ---- */

#if defined(__x86_64__)
typedef struct user_regs_struct registers;
enum { CALL_BYTES = 2 };

static void
registers_load(pid_t pid, registers *r, long number, const uint64_t *a)
{
    (void)pid;
    r->orig_rax = (uint64_t)number;
    r->rdi = a[0], r->rsi = a[1], r->rdx = a[2], r->r10 = a[3], r->r8 = a[4], r->r9 = a[5];
}

static void
registers_repeat(registers *r)
{
    r->rip -= CALL_BYTES;
    r->rax = r->orig_rax;
    r->orig_rax = UINT64_MAX;
}
#elif defined(__aarch64__)
typedef struct user_regs_struct registers;
enum { CALL_BYTES = 4 };

static void
registers_load(pid_t pid, registers *r, long number, const uint64_t *a)
{
    int call = (int)number; // x8 has been looked at already
    struct iovec part = {&call, sizeof call};
    if (ptrace(PTRACE_SETREGSET, pid, NT_ARM_SYSTEM_CALL, &part) != 0)
        fail("setting the system call");
    for (int i = 0; i < ARGUMENTS; i++)
        r->regs[i] = a[i];
}

static void
registers_repeat(registers *r)
{
    r->pc -= CALL_BYTES;
}
#else
#error "inject knows the registers of x86_64 and aarch64"
#endif

static void
registers_read(pid_t pid, registers *r)
{
    struct iovec part = {r, sizeof *r};
    if (ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &part) != 0)
        fail("reading registers");
}

static void
registers_write(pid_t pid, registers *r)
{
    struct iovec part = {r, sizeof *r};
    if (ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &part) != 0)
        fail("setting registers");
}

/* ---- arguments ---- */

static uint64_t
memory_add(const void *p, size_t n)
{
    size_t at = (memory.n + 15) & ~(size_t)15;
    errno = E2BIG;
    if (n > MEMORY || at > MEMORY - n)
        fail("the arguments");
    if (p != NULL)
        memcpy(memory.p + at, p, n);
    memory.n = at + n;
    return memory.address + at;
}

static uint64_t
argument_bytes(const char *hex)
{
    uint8_t bytes[MEMORY];
    size_t n = 0;
    unsigned byte;
    for (; n < MEMORY && sscanf(hex + 2 * n, "%2x", &byte) == 1; n++)
        bytes[n] = (uint8_t)byte;
    return memory_add(bytes, n);
}

static uint64_t
argument_vector(size_t n)
{
    const uint64_t vector[2] = {memory_add(NULL, n), n};
    return memory_add(vector, sizeof vector);
}

static uint64_t
argument_read(const char *text)
{
    char *end;
    if (strncmp(text, "text:", 5) == 0)
        return memory_add(text + 5, strlen(text + 5) + 1);
    if (strncmp(text, "bytes:", 6) == 0)
        return argument_bytes(text + 6);
    if (strncmp(text, "zeros:", 6) == 0)
        return memory_add(NULL, strtoul(text + 6, NULL, 10));
    if (strncmp(text, "vector:", 7) == 0)
        return argument_vector(strtoul(text + 7, NULL, 10));
    uint64_t value = *text == '-' ? (uint64_t)strtoll(text, &end, 0) : strtoull(text, &end, 0);
    errno = EINVAL;
    if (end == text || *end != '\0')
        fail(text);
    return value;
}

/* ---- the process ---- */

static int
said_signal(int signal)
{
    const char *name = sigabbrev_np(signal);
    return printf("ended SIG%s\n", name != NULL ? name : "?");
}

// False when there is no process any more.
static bool
next_stop(pid_t pid, int *status)
{
    if (waitpid(pid, status, __WALL) != pid)
        fail("waiting");
    return WIFSTOPPED(*status);
}

static bool
is_at(pid_t pid, int op, struct __ptrace_syscall_info *info)
{
    return ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof *info, info) > 0 && info->op == op;
}

// To the beginning or the end of a call. Signals that come meanwhile are the process's own.
static bool
go_to(pid_t pid, int op, struct __ptrace_syscall_info *info, int *status)
{
    long signal = 0;
    do {
        if (ptrace(PTRACE_SYSCALL, pid, NULL, signal) != 0 && errno != ESRCH)
            fail("going on");
        if (!next_stop(pid, status))
            return false;
        bool own = *status >> 16 == 0 && WSTOPSIG(*status) != (SIGTRAP | 0x80);
        signal = own ? WSTOPSIG(*status) : 0;
    } while (!is_at(pid, op, info));
    return true;
}

static void
seize(pid_t pid, struct __ptrace_syscall_info *info)
{
    int status;
    if (ptrace(PTRACE_SEIZE, pid, NULL, PTRACE_O_TRACESYSGOOD) != 0)
        fail("tracing");
    if (ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) != 0)
        fail("interrupting");
    if (!next_stop(pid, &status) || !go_to(pid, PTRACE_SYSCALL_INFO_ENTRY, info, &status))
        fail("it ended before anything was tried");
}

static void
put_memory(pid_t pid)
{
    struct iovec here = {memory.p, memory.n}, there = {(void *)(uintptr_t)memory.address, memory.n};
    if (memory.n > 0 && process_vm_writev(pid, &here, 1, &there, 1, 0) != (ssize_t)memory.n)
        fail("writing below the stack");
}

static int
attempt(pid_t pid, long number, const uint64_t *argument)
{
    struct __ptrace_syscall_info came, next;
    registers own, tried;
    int status;
    registers_read(pid, &own);
    tried = own;
    registers_load(pid, &tried, number, argument);
    registers_write(pid, &tried);
    put_memory(pid);
    bool lives = go_to(pid, PTRACE_SYSCALL_INFO_EXIT, &came, &status);
    if (lives) {
        registers_repeat(&own);
        registers_write(pid, &own);
        // A call that seccomp answers with death has an end like others; there is no next one.
        lives = go_to(pid, PTRACE_SYSCALL_INFO_ENTRY, &next, &status);
    }
    if (!lives)
        return WIFSIGNALED(status) ? said_signal(WTERMSIG(status)) : printf("ended by itself\n");
    if (ptrace(PTRACE_DETACH, pid, NULL, 0) != 0)
        fail("letting go");
    if (!came.exit.is_error)
        return printf("returned %lld\n", (long long)came.exit.rval);
    const char *name = strerrorname_np((int)-came.exit.rval);
    return printf("refused %s\n", name != NULL ? name : "?");
}

int
main(int argc, char **argv)
{
    uint64_t argument[ARGUMENTS] = {0};
    struct __ptrace_syscall_info info;
    int number = argc < 3 ? __NR_SCMP_ERROR : seccomp_syscall_resolve_name(argv[2]);
    if (argc > 3 + ARGUMENTS || number < 0) {
        (void)fprintf(stderr, "usage: inject PID CALL ARG...\n");
        return 2;
    }
    pid_t pid = (pid_t)strtol(argv[1], NULL, 10);
    (void)alarm(PATIENCE_S);
    seize(pid, &info);
    memory.address = (info.stack_pointer - BELOW_STACK) & ~UINT64_C(15);
    for (int i = 3; i < argc; i++)
        argument[i - 3] = argument_read(argv[i]);
    return attempt(pid, number, argument) > 0 ? 0 : FAILED;
}
