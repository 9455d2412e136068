/* SPDX-License-Identifier: Apache-2.0 */
#include "fault_ring.h"

#include "sys.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000 /* Linux 4.17 */
#endif

/* Numbers of registers in PERF_SAMPLE_REGS_USER (asm/perf_regs.h), which come in their order. */
#if defined(__x86_64__)
enum { REGISTER_FP = 6, REGISTER_SP = 7, REGISTER_PC = 8 };
#else
enum { REGISTER_FP = 29, REGISTER_SP = 31, REGISTER_PC = 32 };
#endif

/* Words of a sample, from its header on (perf_event_open(2), PERF_RECORD_SAMPLE). */
enum {
    /* PERF_SAMPLE_IP, PERF_SAMPLE_ADDR */
    PLAIN_CODE = 1,
    PLAIN_ADDRESS = 2,
    PLAIN_WORDS = 3,
    /* PERF_SAMPLE_ADDR, PERF_SAMPLE_REGS_USER; the latter is pc, or fp, sp, pc */
    WIDE_ADDRESS = 1,
    WIDE_ABI = 2,
    WIDE_REGISTERS = 3,
    KERNEL_WORDS = WIDE_REGISTERS + 1,
    /* and PERF_SAMPLE_STACK_USER: size, data, how much of them is filled */
    STACK_DATA = WIDE_REGISTERS + 4,
};

#if defined(__x86_64__)
#define ADDRESS_END                                                                                \
    UINT64_C(0x7ffffffff000) /* the kernel's TASK_SIZE_MAX with 4 levels of tables */
#else
#define ADDRESS_END UINT64_MAX
#endif

extern void *__libc_stack_end __attribute__((weak)); /* the loader's: argc */

/* Bytes of the stack in each sample.  The kernel takes fewer where the address space ends before
 * so many, as it does above a stack that is not placed at random: then samples were of several
 * sizes, and the head would not count them. */
static uint32_t stack_bytes(void)
{
    uint64_t room = ADDRESS_END - (&__libc_stack_end ? (uint64_t)__libc_stack_end : 0);
    return room < FAULT_STACK_MOST ? (uint32_t)room & ~7u : FAULT_STACK_MOST;
}

static size_t filled_index(void)
{
    return STACK_DATA + stack_bytes() / 8;
}

static uint32_t words_of(unsigned form)
{
    return form & FAULT_FORM_STACK ? (uint32_t)filled_index() + 1
           : form                  ? KERNEL_WORDS
                                   : PLAIN_WORDS;
}

static void describe(struct perf_event_attr *attributes, unsigned form)
{
    attributes->exclude_kernel = !(form & FAULT_FORM_KERNEL);
    if (!form) {
        attributes->sample_type = PERF_SAMPLE_IP | PERF_SAMPLE_ADDR;
        return;
    }
    attributes->sample_type = PERF_SAMPLE_ADDR | PERF_SAMPLE_REGS_USER;
    attributes->sample_regs_user = UINT64_C(1) << REGISTER_PC;
    if (form & FAULT_FORM_STACK) {
        attributes->sample_type |= PERF_SAMPLE_STACK_USER;
        attributes->sample_regs_user |= UINT64_C(1) << REGISTER_SP | UINT64_C(1) << REGISTER_FP;
        attributes->sample_stack_user = stack_bytes();
    }
}

int fault_ring_open(struct fault_ring *ring, enum fault_kind kind, unsigned form, size_t size)
{
    struct perf_event_attr attributes = {
        .type = PERF_TYPE_SOFTWARE,
        .size = sizeof(attributes),
        .config =
            kind == FAULT_MINOR ? PERF_COUNT_SW_PAGE_FAULTS_MIN : PERF_COUNT_SW_PAGE_FAULTS_MAJ,
        .sample_period = 1,
        .exclude_hv = 1,
        /* Nobody waits: the kernel need not wake anybody more often than once a turn. */
        .watermark = 1,
        .wakeup_watermark = (uint32_t)size,
    };
    describe(&attributes, form);
    long fd = sys_call(SYS_perf_event_open, (long)&attributes, 0, -1, -1, PERF_FLAG_FD_CLOEXEC, 0);
    if (fd < 0)
        return (int)fd;
    size_t page = (size_t)getpagesize();
    long memory = sys_call(SYS_mmap, 0, (long)(page + size), PROT_READ, MAP_SHARED, fd, 0);
    sys_close((int)fd);
    if (memory < 0 && memory > -4096)
        return -ENOMEM;
    *ring = (struct fault_ring){
        .head = (const uint64_t *)&((struct perf_event_mmap_page *)memory)->data_head,
        .memory = (void *)memory,
        .size = size,
        .form = form,
        .sample_bytes = words_of(form) * 8,
    };
    return 0;
}

void fault_ring_close(struct fault_ring *ring)
{
    if (ring->memory)
        sys_unmap(ring->memory, (size_t)getpagesize() + ring->size);
    *ring = (struct fault_ring){.memory = NULL};
}

/* A fork handler of the program's may have mapped something there: that stays.  (Kernels before
 * 4.17 take the address as a wish.) */
void fault_ring_strand(const struct fault_ring *ring)
{
    size_t size = (size_t)getpagesize() + ring->size;
    if (!ring->memory)
        return;
    long at = sys_call(SYS_mmap, (long)ring->memory, (long)size, PROT_READ,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (at > 0 && (void *)at != ring->memory)
        sys_unmap((void *)at, size);
}

static inline uint64_t word_at(const struct fault_ring *ring, uint64_t position, size_t index)
{
    const char *data = (const char *)ring->memory + getpagesize();
    return *(const volatile uint64_t *)(data + ((position + 8 * index) & (ring->size - 1)));
}

bool fault_ring_keeps(const struct fault_ring *ring, uint64_t position)
{
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return *ring->head - position + ring->sample_bytes <= ring->size;
}

bool fault_ring_read(const struct fault_ring *ring, uint64_t position, struct fault_sample *sample)
{
    union {
        uint64_t word;
        struct perf_event_header fields;
    } header = {word_at(ring, position, 0)};
    if (header.fields.type != PERF_RECORD_SAMPLE || header.fields.size != ring->sample_bytes)
        return false;
    *sample = (struct fault_sample){
        .kernel = (header.fields.misc & PERF_RECORD_MISC_CPUMODE_MASK) != PERF_RECORD_MISC_USER,
    };
    if (!ring->form) {
        sample->code = word_at(ring, position, PLAIN_CODE);
        sample->address = word_at(ring, position, PLAIN_ADDRESS);
        return fault_ring_keeps(ring, position);
    }
    sample->address = word_at(ring, position, WIDE_ADDRESS);
    if (word_at(ring, position, WIDE_ABI) == PERF_SAMPLE_REGS_ABI_NONE)
        return fault_ring_keeps(ring, position);
    size_t at = WIDE_REGISTERS;
    if (ring->form & FAULT_FORM_STACK) {
        sample->fp = word_at(ring, position, at++);
        sample->sp = word_at(ring, position, at++);
        uint64_t filled = word_at(ring, position, filled_index());
        sample->stack_bytes = filled <= stack_bytes() ? filled : 0;
    }
    sample->code = word_at(ring, position, at);
    return fault_ring_keeps(ring, position);
}

bool fault_ring_stack_word(const struct fault_ring *ring, uint64_t position,
                           const struct fault_sample *sample, uint64_t address, uint64_t *word)
{
    uint64_t offset = address - sample->sp;
    if (offset >= sample->stack_bytes || sample->stack_bytes - offset < 8 || offset % 8)
        return false;
    *word = word_at(ring, position, STACK_DATA + offset / 8);
    return true;
}
