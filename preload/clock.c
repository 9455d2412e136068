/* SPDX-License-Identifier: Apache-2.0 */
#include "clock.h"

#include "sys.h"

#include <string.h>

enum vmt_clock clock_kind = VMT_CLOCK_COUNTER;
uint64_t clock_counter;

#if defined(__x86_64__)
#include <cpuid.h>

static bool counter_is_invariant(void)
{
    unsigned a, b, c, d;
    if (!__get_cpuid(0x80000001, &a, &b, &c, &d) || !(d & (1u << 27))) /* rdtscp */
        return false;
    return __get_cpuid(0x80000007, &a, &b, &c, &d) && (d & (1u << 8)); /* invariant TSC */
}

/* The kernel drops these clock sources when it finds the counters of the processors apart. */
static bool kernel_trusts_counter(void)
{
    char name[64];
    if (sys_read_file("/sys/devices/system/clocksource/clocksource0/current_clocksource", name,
                      sizeof(name)) <= 0)
        return false;
    return strcmp(name, "tsc") == 0 || strcmp(name, "kvm-clock") == 0 ||
           strcmp(name, "hyperv_clocksource_tsc_page") == 0;
}

void clock_setup(enum settings_clock wanted)
{
    if (wanted == SETTINGS_CLOCK_TSC ||
        (wanted == SETTINGS_CLOCK_AUTO && counter_is_invariant() && kernel_trusts_counter()))
        clock_kind = VMT_CLOCK_TICKS;
}
#else
void clock_setup(enum settings_clock wanted)
{
    (void)wanted;
}
#endif
