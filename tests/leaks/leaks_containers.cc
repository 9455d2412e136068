// SPDX-License-Identifier: Apache-2.0
// Containers of the standard library, kept and lost.
#include <any>
#include <array>
#include <deque>
#include <forward_list>
#include <functional>
#include <iostream>
#include <list>
#include <map>
#include <memory>
#include <new>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "leak_case.h"

namespace
{

template <class T> struct Holder {
    T value;
};

const char *const long_text = "longer than the buffer inside of a string";

// What owns a container that is lost: a block that nobody points to.
template <class T> NOINLINE void lose_object(T &&value)
{
    leak_use(new T(std::move(value)));
}

} // namespace

LEAK_CASE(vector_kept)
{
    static auto *kept = new std::vector<int>(100);
    leak_use(kept);
}

LEAK_CASE(vector_lost)
{
    leak_use(new std::vector<int>(100));
}

LEAK_CASE(vector_grown)
{
    static std::vector<long> *kept = new std::vector<long>;
    for (long i = 0; i < 1000; i++)
        kept->push_back(i);
}

LEAK_CASE(vector_of_vectors_lost)
{
    leak_use(new std::vector<std::vector<int>>(10, std::vector<int>(10)));
}

LEAK_CASE(vector_of_pointers)
{
    static auto *kept = new std::vector<int *>;
    for (int i = 0; i < 20; i++)
        kept->push_back(new int(i));
}

LEAK_CASE(vector_static_destroyed)
{
    static std::vector<int> kept(100);
    leak_use(&kept);
}

LEAK_CASE(string_short_lost)
{
    leak_use(new std::string("short"));
}

LEAK_CASE(string_long_lost)
{
    leak_use(new std::string(long_text));
}

LEAK_CASE(string_long_kept)
{
    static auto *kept = new std::string(long_text);
    leak_use(kept);
}

LEAK_CASE(strings_in_vector)
{
    static auto *kept = new std::vector<std::string>;
    for (int i = 0; i < 30; i++)
        kept->push_back(i % 2 ? "short" : long_text);
}

LEAK_CASE(map_kept)
{
    static auto *kept = new std::map<int, std::string>;
    for (int i = 0; i < 50; i++)
        (*kept)[i * 7 % 50] = long_text;
}

LEAK_CASE(map_lost)
{
    std::map<int, std::string> values;
    for (int i = 0; i < 50; i++)
        values[i * 7 % 50] = long_text;
    lose_object(std::move(values));
}

LEAK_CASE(set_lost)
{
    std::set<std::string> values;
    for (int i = 0; i < 20; i++)
        values.insert(std::to_string(i) + long_text);
    lose_object(std::move(values));
}

LEAK_CASE(unordered_map_kept)
{
    static auto *kept = new std::unordered_map<std::string, int>;
    for (int i = 0; i < 100; i++)
        (*kept)[std::to_string(i) + long_text] = i;
}

LEAK_CASE(unordered_map_lost)
{
    std::unordered_map<int, int> values;
    for (int i = 0; i < 100; i++)
        values[i] = i;
    lose_object(std::move(values));
}

LEAK_CASE(list_kept)
{
    static auto *kept = new std::list<int>{1, 2, 3, 4, 5};
    leak_use(kept);
}

// The last node points to the lost object, the object to the first: a ring.
LEAK_CASE(list_lost)
{
    leak_use(new std::list<int>{1, 2, 3, 4, 5});
}

LEAK_CASE(forward_list_lost)
{
    leak_use(new std::forward_list<int>{1, 2, 3, 4, 5});
}

LEAK_CASE(deque_kept)
{
    static auto *kept = new std::deque<long>(1000);
    leak_use(kept);
}

LEAK_CASE(deque_lost)
{
    leak_use(new std::deque<long>(1000));
}

// A queue that moved on: its map's first entries are behind.
LEAK_CASE(deque_shifted)
{
    static auto *kept = new std::deque<long>;
    for (long i = 0; i < 2000; i++) {
        kept->push_back(i);
        if (kept->size() > 100)
            kept->pop_front();
    }
}

namespace
{

struct Peer {
    std::shared_ptr<Peer> other;
    std::weak_ptr<Peer> parent;
    long payload[3] = {};
};

} // namespace

LEAK_CASE(shared_pointer_cycle)
{
    auto one = std::make_shared<Peer>(), two = std::make_shared<Peer>();
    one->other = two;
    two->other = one;
}

LEAK_CASE(shared_pointer_cycle_of_new)
{
    std::shared_ptr<Peer> one(new Peer), two(new Peer);
    one->other = two;
    two->other = one;
}

LEAK_CASE(shared_pointer_self)
{
    auto one = std::make_shared<Peer>();
    one->other = one;
}

LEAK_CASE(shared_pointer_kept)
{
    static auto *kept = new std::shared_ptr<Peer>(std::make_shared<Peer>());
    leak_use(kept);
}

LEAK_CASE(shared_pointer_parent)
{
    static auto *kept = new std::shared_ptr<Peer>(std::make_shared<Peer>());
    (*kept)->other = std::make_shared<Peer>();
    (*kept)->other->parent = *kept;
}

// The object's memory stays with the control block, which the weak pointer keeps.
LEAK_CASE(weak_pointer_kept)
{
    static auto *kept = new std::weak_ptr<Peer>;
    auto one = std::make_shared<Peer>();
    *kept = one;
}

// Only the address of the object in it, which lies behind the counts.
LEAK_CASE(shared_object_interior)
{
    static Peer *raw;
    auto *owner = new std::shared_ptr<Peer>(std::make_shared<Peer>());
    raw = owner->get();
    leak_use(&raw);
}

LEAK_CASE(unique_pointer_released)
{
    leak_use(std::make_unique<std::array<int, 10>>().release());
}

LEAK_CASE(unique_pointer_kept)
{
    static auto *kept =
        new std::unique_ptr<std::array<int, 10>>(std::make_unique<std::array<int, 10>>());
    leak_use(kept);
}

LEAK_CASE(function_with_captures)
{
    std::array<long, 8> captured{};
    static auto *kept = new std::function<long()>([captured] { return captured[0]; });
    leak_use(kept);
}

LEAK_CASE(function_lost)
{
    std::array<long, 8> captured{};
    lose_object(std::function<long()>([captured] { return captured[0]; }));
}

LEAK_CASE(any_kept)
{
    static auto *kept = new std::any(std::string(long_text));
    leak_use(kept);
}

LEAK_CASE(streams)
{
    std::ostringstream text;
    text << long_text << 1.5;
    lose_object(text.str());
}

LEAK_CASE(stream_object_lost)
{
    auto *text = new std::ostringstream;
    *text << long_text << long_text;
    leak_use(text);
}

LEAK_CASE(standard_output)
{
    std::cout << long_text << std::endl;
}

LEAK_CASE(thread_object_joined)
{
    std::thread one([] { leak_use(new std::string(long_text)); });
    one.join();
}

LEAK_CASE(thread_local_destroyed)
{
    std::thread([] {
        static thread_local std::vector<int> values(100);
        leak_use(&values);
    }).join();
}

LEAK_CASE(thread_local_of_main)
{
    static thread_local std::vector<int> *values = new std::vector<int>(100);
    leak_use(&values);
}
