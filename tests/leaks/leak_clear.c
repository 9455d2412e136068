/* SPDX-License-Identifier: Apache-2.0 */
#include "leak_case.h"

#ifdef LEAK_SLOPPY
void leak_clear_stack(void)
{
}
#elif defined(__x86_64__)
/* In assembly: a frame of the compiler's would leave out its own padding.  Registers that a callee
 * may leave anything in are cleared, too. */
__asm__(".text\n"
        ".globl leak_clear_stack\n"
        ".type leak_clear_stack, @function\n"
        "leak_clear_stack:\n"
        "\tmov %rsp, %rdi\n"
        "\tmov %rsp, %rdx\n"
        "\tlea -65536(%rsp), %rsp\n"
        "1:\tsub $8, %rdi\n"
        "\tmovq $0, (%rdi)\n"
        "\tcmp %rsp, %rdi\n"
        "\tja 1b\n"
        "\tmov %rdx, %rsp\n"
        "\txor %eax, %eax\n"
        "\txor %ecx, %ecx\n"
        "\txor %edx, %edx\n"
        "\txor %esi, %esi\n"
        "\txor %edi, %edi\n"
        "\txor %r8d, %r8d\n"
        "\txor %r9d, %r9d\n"
        "\txor %r10d, %r10d\n"
        "\txor %r11d, %r11d\n"
        "\tret\n"
        ".size leak_clear_stack, . - leak_clear_stack\n");
#else
NOINLINE void leak_clear_stack(void)
{
    volatile char dead[65536];
    for (size_t i = 0; i < sizeof dead; i++)
        dead[i] = 0;
}
#endif
