// SPDX-License-Identifier: Apache-2.0
// Shapes of objects whose address is not their block's, and exceptions.
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>

#include "leak_case.h"

namespace
{

struct First {
    virtual ~First() = default;
    long first = 1;
};

struct Second {
    virtual ~Second() = default;
    long second = 2;
    void *child = nullptr;
};

struct Both : First, Second {
    long both = 3;
};

struct Plain {
    long value = 4;
};

// The second base has no table of functions: no known shape.
struct WithPlain : First, Plain {
    long more = 5;
};

struct Left : virtual First {
    long left = 6;
};

struct Right : virtual First {
    long right = 7;
};

struct Diamond : Left, Right {
    long diamond = 8;
};

struct Counted {
    ~Counted()
    {
        leak_use(this);
    }
    void *child = nullptr;
    long values[2] = {};
};

struct alignas(32) Wide {
    ~Wide()
    {
        leak_use(this);
    }
    long values[4] = {};
};

NOINLINE void *take_child()
{
    return std::malloc(24);
}

} // namespace

LEAK_CASE(object_by_first_base)
{
    static First *kept;
    kept = new Both;
    leak_use(&kept);
}

LEAK_CASE(object_by_second_base)
{
    static Second *kept;
    kept = new Both;
    leak_use(&kept);
}

LEAK_CASE(object_by_second_base_holds)
{
    static Second *kept;
    kept = new Both;
    kept->child = take_child();
    leak_use(&kept);
}

LEAK_CASE(object_by_second_base_from_heap)
{
    static Second **kept;
    kept = new Second *(new Both);
    leak_use(&kept);
}

LEAK_CASE(object_by_second_base_lost)
{
    Second **lost = new Second *(new Both);
    leak_use(lost);
}

LEAK_CASE(object_by_plain_base)
{
    static Plain *kept;
    kept = new WithPlain;
    leak_use(&kept);
}

LEAK_CASE(object_by_member)
{
    static long *kept;
    kept = &(new Both)->both;
    leak_use(&kept);
}

LEAK_CASE(object_by_virtual_base)
{
    static First *kept;
    kept = new Diamond;
    leak_use(&kept);
}

LEAK_CASE(object_by_right_base)
{
    static Right *kept;
    kept = new Diamond;
    leak_use(&kept);
}

LEAK_CASE(object_lost)
{
    leak_use(new Diamond);
}

LEAK_CASE(objects_by_second_base)
{
    static Second **kept = new Second *[10];
    for (int i = 0; i < 10; i++) {
        kept[i] = new Both;
        kept[i]->child = take_child();
    }
}

LEAK_CASE(array_with_cookie)
{
    static Counted *kept;
    kept = new Counted[10];
    leak_use(&kept);
}

LEAK_CASE(array_with_cookie_holds)
{
    static Counted *kept;
    kept = new Counted[10];
    kept[7].child = take_child();
    leak_use(&kept);
}

LEAK_CASE(array_with_cookie_lost)
{
    leak_use(new Counted[10]);
}

LEAK_CASE(array_with_cookie_empty)
{
    static Counted *kept;
    static volatile std::size_t count = 0;
    kept = new Counted[count];
    leak_use(&kept);
}

LEAK_CASE(array_with_cookie_second_element)
{
    static Counted *kept;
    kept = new Counted[10] + 1;
    leak_use(&kept);
}

LEAK_CASE(array_with_wide_cookie)
{
    static Wide *kept;
    kept = new Wide[3];
    leak_use(&kept);
}

LEAK_CASE(array_of_strings)
{
    static std::string *kept;
    kept = new std::string[5];
    for (int i = 0; i < 5; i++)
        kept[i] = "longer than the buffer inside of a string";
    leak_use(&kept);
}

LEAK_CASE(array_of_virtual_objects)
{
    static Both *kept;
    kept = new Both[4];
    leak_use(&kept);
}

LEAK_CASE(array_plain)
{
    static long *kept;
    kept = new long[10]();
    leak_use(&kept);
}

LEAK_CASE(new_nothrow)
{
    leak_use(new (std::nothrow) char[50]);
}

LEAK_CASE(new_aligned)
{
    static Wide *kept;
    kept = new Wide;
    leak_use(&kept);
    leak_use(new Wide);
}

LEAK_CASE(new_placement)
{
    static Both *kept;
    kept = new (std::malloc(sizeof(Both) + 100)) Both;
    leak_use(&kept);
}

LEAK_CASE(new_placement_interior)
{
    static Both *kept;
    kept = new (static_cast<char *>(std::malloc(sizeof(Both) + 100)) + 32) Both;
    leak_use(&kept);
}

// An embedded list: links lead from member to member, the list's head is outside.
namespace
{

struct Link {
    Link *next = nullptr;
};

struct Item {
    long value[2] = {};
    Link link;
};

} // namespace

LEAK_CASE(embedded_links_kept)
{
    static Link head;
    for (int i = 0; i < 5; i++) {
        Item *item = new Item;
        item->link.next = head.next;
        head.next = &item->link;
    }
}

LEAK_CASE(embedded_links_lost)
{
    Link head;
    for (int i = 0; i < 5; i++) {
        Item *item = new Item;
        item->link.next = head.next;
        head.next = &item->link;
    }
    head.next = nullptr;
    leak_use(&head);
}

LEAK_CASE(exception_caught)
{
    try {
        throw std::runtime_error("longer than the buffer inside of a string");
    } catch (const std::exception &caught) {
        leak_use(const_cast<char *>(caught.what()));
    }
}

LEAK_CASE(exception_in_flight)
{
    try {
        throw std::runtime_error("longer than the buffer inside of a string");
    } catch (const std::exception &) {
        leak_clear_stack();
        std::exit(0);
    }
}

LEAK_CASE(exception_kept)
{
    static auto *kept = new std::exception_ptr;
    try {
        throw std::string("longer than the buffer inside of a string");
    } catch (...) {
        *kept = std::current_exception();
    }
}

// The pointer is lost while the stack is unwound.
namespace
{

NOINLINE void throw_past(void *block)
{
    leak_use(block);
    throw 1;
}

} // namespace

LEAK_CASE(exception_passes_owner)
{
    try {
        throw_past(std::malloc(40));
    } catch (int) {
    }
}

namespace
{

struct Thrower {
    Thrower() : child(take_child())
    {
        throw 1;
    }
    void *child;
};

} // namespace

LEAK_CASE(constructor_throws)
{
    try {
        leak_use(new Thrower);
    } catch (int) {
    }
}
