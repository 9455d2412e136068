/* SPDX-License-Identifier: Apache-2.0 */
#include "clock.h"

#include "cpu_features.h"
#include "sys.h"

#include <string.h>

enum vmt_clock clock_kind = VMT_CLOCK_COUNTER;
uint64_t clock_counter;
uint32_t clock_marks;

#if defined(__x86_64__)
/* Further than the counters of two processors can be apart: 4 minutes at 4 GHz. */
#define AHEAD (UINT64_C(1) << 40)

static bool confirmed; /* that the kernel trusts the counter, or nobody asked */

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
    confirmed = wanted != SETTINGS_CLOCK_AUTO;
    if (wanted == SETTINGS_CLOCK_TSC ||
        (wanted == SETTINGS_CLOCK_AUTO && cpu_counter_is_invariant()))
        clock_kind = VMT_CLOCK_TICKS;
}

bool clock_is_confirmed(void)
{
    return __atomic_load_n(&confirmed, __ATOMIC_ACQUIRE);
}

/* Several threads may come here at once: the counter only ever goes up. */
static void change_to_counter(uint64_t least)
{
    uint64_t present = __atomic_load_n(&clock_counter, __ATOMIC_RELAXED);
    while (present < least && !__atomic_compare_exchange_n(&clock_counter, &present, least, true,
                                                           __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
    __atomic_store_n(&clock_kind, VMT_CLOCK_COUNTER, __ATOMIC_RELEASE);
}

bool clock_confirm(void)
{
    bool change = clock_kind == VMT_CLOCK_TICKS && !kernel_trusts_counter();
    if (change)
        change_to_counter(__builtin_ia32_rdtsc() + AHEAD);
    __atomic_store_n(&confirmed, true, __ATOMIC_RELEASE);
    return change;
}
#else
void clock_setup(enum settings_clock wanted)
{
    (void)wanted;
}

bool clock_is_confirmed(void)
{
    return true;
}

bool clock_confirm(void)
{
    return false;
}
#endif
