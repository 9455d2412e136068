/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory shared between processes: an anonymous shared mapping and a System V
 * segment.  The child writes, the parent reads the very same pages: a fault each
 * to map them, none to copy them.
 *
 * Run:      LD_PRELOAD=libvmtrace.so ./shared_memory; vmtrace-report vmtrace.shared_memory.*.vmt
 * Look for: among the mappings 1 MiB of map_shared() that is still there at the end, and
 *           64 KiB of attach_segment() that is not; faults on after_reading() in the parent.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE (1u << 20)
#define SEGMENT (64u << 10)

static __attribute__((noinline)) char *map_shared(void)
{
    return mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0); /* kept */
}

static __attribute__((noinline)) char *attach_segment(int id)
{
    return shmat(id, NULL, 0); /* detached again */
}

static __attribute__((noinline)) void after_reading(void)
{
    free(malloc(10)); /* parent */
}

static int read_all(const volatile char *pages)
{
    int sum = 0;
    for (size_t i = 0; i < SIZE; i += 4096)
        sum += pages[i];
    return sum;
}

int main(void)
{
    int id = shmget(IPC_PRIVATE, SEGMENT, IPC_CREAT | 0600);
    char *segment = id < 0 ? (char *)-1 : attach_segment(id);
    char *pages = map_shared();
    if (segment == (char *)-1 || pages == MAP_FAILED)
        return 1;
    shmctl(id, IPC_RMID, NULL);

    pid_t child = fork();
    if (child == 0) {
        memset(pages, 3, SIZE);
        segment[0] = 4;
        _exit(0);
    }
    waitpid(child, NULL, 0);
    int sum = read_all(pages);
    after_reading();
    int passed = segment[0];
    shmdt(segment);
    return sum == 3 * (int)(SIZE / 4096) && passed == 4 ? 0 : 1;
}
