/* SPDX-License-Identifier: Apache-2.0 */
/*
 * That target without libFuzzer: COUNT mutations of a few texts, the same for a SEED.
 *
 *     fuzz_suppress_replay COUNT SEED
 */
#include "fuzz_text.h"

static const char *const seeds[] = {
    "leak:foo*bar\nleak:^main$\nrace:other\n# comment\nleak:libplug.so\n",
    "{\n  n\n  Memcheck:Leak\n  match-leak-kinds: possible\n  fun:m\n  ...\n  obj:*/l?.so\n}\n",
    "{\n  n\n  Memcheck:Leak\n  fun:malloc\n  ...\n  src:main.c:3\n}\n",
    "{\n  n\n  Helgrind:Race\n  fun:x\n}\n{\n  n\n  Memcheck,Addrcheck:Free\n  fun:_Z*\n}\n",
    "*in?er*\ninner winner\n",
    "a*b*c*\naabbccabc\n",
    NULL,
};

/* Pieces that mean something. */
static const char *const words[] = {
    "{\n", "}\n", "leak:",           "fun:", "obj:", "src:", "...\n", "*", "?",
    "^",   "$",   "Memcheck:Leak\n", "\n",   "main", ":",    "#",     ",", "match-leak-kinds:",
    NULL};

int main(int argc, char **argv)
{
    return fuzz_text_main(argc, argv, &(struct fuzz_text){seeds, words});
}
