/* SPDX-License-Identifier: Apache-2.0 */
/* Random operations on mappings, entered in the ledger. */
#ifndef ORACLE_MAP_H
#define ORACLE_MAP_H

#include "oracle_ledger.h"

/* One operation on the mappings of `thread`. */
void map_do_something(unsigned thread, struct oracle_random *random);

#endif
