/* SPDX-License-Identifier: Apache-2.0 */
/*
 * That target without libFuzzer: COUNT mutations of a few texts, the same for a SEED.
 *
 *     fuzz_baseline_replay COUNT SEED
 */
#include "fuzz_text.h"

#define FIRST "# vmtrace baseline 1\n"

static const char *const seeds[] = {
    FIRST "# note\n\ndefinite-leak blocks=3 bytes=120\n    parse_row @ table\n    main @ table\n",
    FIRST "double-free times=2\n    f @ a\n\nsegfault times=1\n\nindirect-leak blocks=1 bytes=8\n",
    FIRST "definite-leak blocks=1 bytes=1\n\tf @ a\ndefinite-leak blocks=2 bytes=0\n  f @ a\n",
    FIRST "possible-leak blocks=18446744073709551615 bytes=18446744073709551616\n",
    NULL,
};
static const char *const words[] = {FIRST,
                                    "\n",
                                    "    ",
                                    "#",
                                    "definite-leak",
                                    " blocks=",
                                    " bytes=",
                                    " times=",
                                    "0",
                                    "99999999999",
                                    "reachable-block blocks=1 bytes=2\n",
                                    "    main @ app\n",
                                    " ",
                                    "\r\n",
                                    "@",
                                    "?",
                                    NULL};

int main(int argc, char **argv)
{
    return fuzz_text_main(argc, argv, &(struct fuzz_text){seeds, words});
}
