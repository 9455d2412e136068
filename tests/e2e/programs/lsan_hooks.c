/* SPDX-License-Identifier: Apache-2.0 */
/* Defines what LeakSanitizer's run time asks a program for, and loses two blocks. */
#include <stdlib.h>
#include <string.h>

const char *__lsan_default_options(void);
const char *__lsan_default_suppressions(void);
int __lsan_is_turned_off(void);

const char *__lsan_default_options(void)
{
    return "exitcode=9";
}

/* More than one record holds. */
const char *__lsan_default_suppressions(void)
{
    static char text[40000];
    while (strlen(text) < 36000)
        strcat(text, "leak:a_pattern_that_nothing_has_in_its_name\n");
    strcat(text, "leak:^lose_known$\nthis is none\n");
    return text;
}

int __lsan_is_turned_off(void)
{
    return getenv("TURN_OFF") != NULL;
}

__attribute__((noinline)) static void *lose_known(void)
{
    return calloc(1, 100);
}

__attribute__((noinline)) static void *lose_unknown(void)
{
    return calloc(1, 200);
}

__attribute__((noinline)) static void forget(void)
{
    char stack[16384];
    memset(stack, 0, sizeof(stack));
    __asm__ volatile("" : : "r"(stack) : "memory");
}

int main(void)
{
    lose_known();
    lose_unknown();
    forget();
    return 0;
}
