/* SPDX-License-Identifier: Apache-2.0 */
#include "handover.h"

#include "clock.h"
#include "sys.h"

enum {
    MOST_HANDOVERS = 8,  /* until a page counts as shared */
    SHARED_EVENTS = 256, /* of a stream on shared pages, until it tries to have one for itself */
};

uint32_t handover_last[HANDOVER_WORDS] SYS_TABLE;
static uint8_t handovers[HANDOVER_WORDS] SYS_TABLE; /* lost updates do no harm */

static uint32_t next_owner(uint32_t place, uint32_t self)
{
    uint8_t count = __atomic_load_n(&handovers[place], __ATOMIC_RELAXED);
    if (count >= MOST_HANDOVERS)
        return HANDOVER_SHARED;
    __atomic_store_n(&handovers[place], count + 1, __ATOMIC_RELAXED);
    return self;
}

/* Whoever shared the page may be gone by now. */
static bool try_again(uint32_t place)
{
    static __thread uint8_t events __attribute__((tls_model("initial-exec")));
    _Static_assert(SHARED_EVENTS == 1 << 8, "the counter wraps");
    if (++events != 0)
        return false;
    __atomic_store_n(&handovers[place], MOST_HANDOVERS / 2, __ATOMIC_RELAXED);
    return true;
}

uint64_t handover_take(uint64_t address, uint32_t self)
{
    uint32_t place = handover_place(address);
    uint32_t *last = &handover_last[place];
    uint32_t owner = __atomic_load_n(last, __ATOMIC_ACQUIRE);
    if (owner == HANDOVER_SHARED && try_again(place))
        owner = 0;
    for (;;) {
        if (owner != self && owner != HANDOVER_SHARED)
            __atomic_exchange_n(last, owner ? next_owner(place, self) : self, __ATOMIC_SEQ_CST);
        uint64_t now = clock_now();
        owner = __atomic_load_n(last, __ATOMIC_ACQUIRE);
        if (owner == self || owner == HANDOVER_SHARED)
            return now;
    }
}
