/* SPDX-License-Identifier: Apache-2.0 */
/* `vmtrace compact` and `vmtrace expand`: traces rewritten in the other form. */
#ifndef VMTRACE_DRIVER_COMPACT_H
#define VMTRACE_DRIVER_COMPACT_H

/* argv[0] is "compact" or "expand".  Returns the exit status. */
int driver_compact(int argc, char **argv);
int driver_expand(int argc, char **argv);

#endif
