/* SPDX-License-Identifier: Apache-2.0 */
/* modules.h for tests of the unwinder: what dl_iterate_phdr says, plus files mapped by hand. */
#ifndef VMTRACE_TESTS_MODULE_LIST_H
#define VMTRACE_TESTS_MODULE_LIST_H

#include "modules.h"

/* Asks the loader again.  One thread at a time; others may look modules up meanwhile. */
void module_list_refresh(void);
/* Appends one that the loader does not know; stays until the next refresh. */
void module_list_add(const struct module *module);

#endif
