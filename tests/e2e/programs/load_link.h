/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOAD_LINK_H
#define LOAD_LINK_H

/* Ends with one whose `call` is NULL. */
struct link {
    void (*call)(const struct link *next);
    int size; /* what no compiler can know: 0 */
};

void link_call(const struct link *next);

#endif
