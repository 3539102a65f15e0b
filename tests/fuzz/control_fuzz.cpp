// What a control socket's peer sends: a request's target, or a stream of events split anywhere.

#include <cstdlib>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "runtime/control_target.h"
#include "runtime/event_stream_parser.h"

using namespace hearth;
using namespace hearth::runtime;

namespace {

void check_target(std::string_view text) {
    const auto target = parse_control_target(text);
    if (!target) return;
    std::string again = "/" + percent_encode(std::string_view(target->path).substr(1)) + "?";
    for (const auto& [key, value] : target->query) {
        again += percent_encode(key) + "=" + percent_encode(value) + "&";
    }
    const auto twice = parse_control_target(again);
    // An empty path segment before '?' cannot be told from a missing one, nothing else may differ.
    if (!twice || twice->path != target->path) std::abort();
    for (const auto& [key, value] : target->query) {
        const auto found = twice->query.find(key);
        if (!(key.empty() && value.empty()) &&
            (found == twice->query.end() || found->second != value)) {
            std::abort();
        }
    }
}

std::vector<std::string> events_of(std::string_view stream, std::size_t split) {
    std::vector<std::string> events;
    EventStreamParser parser;
    const auto keep = [&](const ControlEvent& event) {
        events.push_back(event.topic + "=" + event.data);
    };
    if (parser.feed(stream.substr(0, split), keep)) (void)parser.feed(stream.substr(split), keep);
    return events;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view text = as_text({data + 1, size - 1});
    check_target(text);
    const std::size_t split = text.empty() ? 0 : data[0] % text.size();
    if (events_of(text, split) != events_of(text, 0)) std::abort();
    return 0;
}
