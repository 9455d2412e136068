// SPDX-License-Identifier: Apache-2.0
// Strings as they were before C++11, which point behind a header in their block.
#define _GLIBCXX_USE_CXX11_ABI 0
#include <string>
#include <vector>

#include "leak_case.h"

static const char *const text = "a string of the old kind";

LEAK_CASE(old_string_kept)
{
    static std::string *kept = new std::string(text);
    leak_use(kept);
}

LEAK_CASE(old_string_lost)
{
    leak_use(new std::string(text));
}

LEAK_CASE(old_strings_shared)
{
    std::string one(text);
    static auto *kept = new std::vector<std::string>(10, one);
    leak_use(kept);
}

LEAK_CASE(old_string_appended)
{
    static std::string *kept = new std::string(text);
    for (int i = 0; i < 100; i++)
        *kept += text;
}
