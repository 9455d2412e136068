/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stacks that are not simple: stack_shapes SHAPE [step]
 * Each shape allocates by shape_block().  `step` runs it instruction by instruction: SIGTRAP
 * after each, for whoever handles that.
 */
#include "stack_shapes.h"

#include <alloca.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void *volatile kept;
static volatile int zero;

SHAPE void shape_block(void)
{
    kept = malloc(24);
    SHAPE_END();
}

/* ---- frames ---- */

static SHAPE void scratch_inner(void)
{
    asm_scratch_rbp(shape_block);
    SHAPE_END();
}

void shape_no_frame_pointer(void)
{
    asm_scratch_rbp(scratch_inner);
    SHAPE_END();
}

void shape_leaf_wrapper(void)
{
    kept = asm_leaf_wrapper(20);
    SHAPE_END();
}

static void touch(void *memory)
{
    __asm__ volatile("" ::"r"(memory) : "memory");
}

static SHAPE void with_alloca(void)
{
    for (int i = 1; i < 5; i++) {
        touch(alloca((size_t)(i * 1000 + zero)));
        shape_block();
    }
    SHAPE_END();
}

void shape_alloca(void)
{
    with_alloca();
    SHAPE_END();
}

static SHAPE void with_vla(int size)
{
    char space[size];
    touch(space);
    shape_block();
    SHAPE_END();
}

void shape_vla(void)
{
    for (int i = 1; i < 5; i++)
        with_vla(i * 777 + zero);
    SHAPE_END();
}

static SHAPE void with_alignment(void)
{
    _Alignas(256) char space[256];
    touch(space);
    shape_block();
    SHAPE_END();
}

static SHAPE void with_alignment_and_alloca(void)
{
    _Alignas(128) char space[128];
    touch(space);
    touch(alloca((size_t)(zero + 100)));
    with_alignment();
    SHAPE_END();
}

void shape_realigned(void)
{
    with_alignment_and_alloca();
    SHAPE_END();
}

static SHAPE void jump_from(jmp_buf target, int levels)
{
    if (levels > zero)
        jump_from(target, levels - 1);
    shape_block();
    if (levels == zero)
        longjmp(target, 1);
    SHAPE_END();
}

static SHAPE void after_jump(void)
{
    shape_block();
    SHAPE_END();
}

void shape_longjmp(void)
{
    jmp_buf target;
    if (setjmp(target) == 0)
        jump_from(target, 3);
    after_jump();
}

/* ---- assembly and generated code ---- */

void shape_assembly(void)
{
    asm_with_cfi(shape_block);
    SHAPE_END();
}

static SHAPE void save_rbx(void)
{
    asm_with_cfi(shape_block);
    SHAPE_END();
}

void shape_assembly_rbx(void)
{
    asm_cfa_in_rbx(save_rbx);
    SHAPE_END();
}

/* The only trace of the frame is in rbx, which the wrapper of malloc does not look at. */
void shape_assembly_rbx_live(void)
{
    asm_cfa_in_rbx(shape_block);
    SHAPE_END();
}

void shape_assembly_memory(void)
{
    asm_cfa_in_memory(shape_block);
    SHAPE_END();
}

static SHAPE void frame_pointer_caller(void)
{
    asm_frame_pointer_only(shape_block);
    SHAPE_END();
}

void shape_assembly_frame_pointer(void)
{
    frame_pointer_caller();
    SHAPE_END();
}

static SHAPE void bare_caller(void)
{
    asm_without_anything(shape_block);
    SHAPE_END();
}

void shape_assembly_bare(void)
{
    bare_caller();
    SHAPE_END();
}

static SHAPE void call_code(const unsigned char *code, size_t size)
{
    char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    void (*entry)(void (*)(void));
    memcpy(page, code, size);
    mprotect(page, 4096, PROT_READ | PROT_EXEC);
    memcpy(&entry, &page, sizeof(entry));
    entry(shape_block);
    munmap(page, 4096);
}

void shape_jit_frame_pointer(void)
{
    /* push %rbp; mov %rsp,%rbp; sub $32,%rsp; call *%rdi; leave; ret */
    static const unsigned char code[] = {0x55, 0x48, 0x89, 0xe5, 0x48, 0x83,
                                         0xec, 0x20, 0xff, 0xd7, 0xc9, 0xc3};
    call_code(code, sizeof(code));
    SHAPE_END();
}

void shape_jit_bare(void)
{
    /* sub $8,%rsp; call *%rdi; add $8,%rsp; ret */
    static const unsigned char code[] = {0x48, 0x83, 0xec, 0x08, 0xff, 0xd7,
                                         0x48, 0x83, 0xc4, 0x08, 0xc3};
    call_code(code, sizeof(code));
    SHAPE_END();
}

static SHAPE void lazy_block(void)
{
    shape_block();
    __asm__ volatile("nop"); /* or compilers make it one with after_jump */
}

void shape_lazy_binding(void)
{
    lazy_hook = lazy_block;
    if (lazy_sum(1, 2, 3, 4, 5, 6, 7, 8) != 204)
        _exit(10);
}

#define ENTRY(name) {#name, shape_##name},

static const struct {
    const char *name;
    void (*run)(void);
} shapes[] = {SHAPES(ENTRY)};

int main(int argc, char **argv)
{
    int step = argc > 2 && strcmp(argv[2], "step") == 0;
    for (size_t i = 0; argc > 1 && i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        if (strcmp(argv[1], shapes[i].name) != 0)
            continue;
        if (step)
            asm_trap_flag(1);
        shapes[i].run();
        if (step)
            asm_trap_flag(0);
        return 0;
    }
    return 2;
}
