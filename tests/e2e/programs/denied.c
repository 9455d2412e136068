/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs PROGRAM where system calls fail, as in a container:
 *     denied NAME,... PROGRAM [ARG...]
 * docker: what Docker's default profile refuses and a tracer might use, with EPERM (clone3 with
 * ENOSYS); or the names of single ones.  77: not possible here.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
    const char *name;
    unsigned number, error;
} known[] = {
    {"ptrace", SYS_ptrace, EPERM},
    {"process_vm_readv", SYS_process_vm_readv, EPERM},
    {"process_vm_writev", SYS_process_vm_writev, EPERM},
    {"perf_event_open", SYS_perf_event_open, EPERM},
    {"userfaultfd", SYS_userfaultfd, EPERM},
    {"kcmp", SYS_kcmp, EPERM},
    {"personality", SYS_personality, EPERM},
    {"unshare", SYS_unshare, EPERM},
    {"setns", SYS_setns, EPERM},
    {"clone3", SYS_clone3, ENOSYS},
    {"pidfd_open", SYS_pidfd_open, EPERM},
    {"membarrier", SYS_membarrier, EPERM},
};

enum { KNOWN = sizeof(known) / sizeof(known[0]), DOCKER = 10 };

static int is_named(const char *names, unsigned index)
{
    size_t length = strlen(known[index].name);
    for (const char *at = names; *at; at += strcspn(at, ","), at += *at == ',') {
        if ((strcspn(at, ",") == length && memcmp(at, known[index].name, length) == 0) ||
            (strncmp(at, "docker", 6) == 0 && index < DOCKER))
            return 1;
    }
    return 0;
}

static int deny(const char *names)
{
    struct sock_filter code[2 * KNOWN + 2];
    unsigned short count = 0;
    code[count++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                                 (unsigned)offsetof(struct seccomp_data, nr));
    for (unsigned i = 0; i < KNOWN; i++) {
        if (!is_named(names, i))
            continue;
        code[count++] =
            (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, known[i].number, 0, 1);
        code[count++] =
            (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | known[i].error);
    }
    code[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {count, code};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

int main(int argc, char **argv)
{
    if (argc < 3 || !deny(argv[1]))
        return 77;
    execvp(argv[2], argv + 2);
    perror(argv[2]);
    return 77;
}
