#include "runtime/leaf_feed.h"

#include <sys/stat.h>

#include <boost/asio/steady_timer.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <cerrno>
#include <deque>
#include <fstream>
#include <iterator>
#include <utility>

#include "base/bytes.h"
#include "runtime/atomic_file.h"
#include "runtime/control_client.h"
#include "runtime/event_loop.h"
#include "runtime/log.h"
#include "runtime/problems.h"

namespace hearth::runtime {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr std::chrono::seconds kRetry{2};
constexpr std::string_view kUnreachable = "certs_unreachable";
constexpr std::string_view kNotKept = "leaf_not_kept";

struct File {
    fs::path path;
    std::string content;
};

std::string text_of(const json::object& object, std::string_view key) {
    const auto* value = object.if_contains(key);
    const auto* text = value != nullptr ? value->if_string() : nullptr;
    return text != nullptr ? std::string(*text) : std::string();
}

bool has_content(const fs::path& path, const std::string& content) {
    std::ifstream file(path, std::ios::binary);
    const std::string there{std::istreambuf_iterator<char>(file), {}};
    return there == content;
}

Result<void> make_private(const fs::path& directory) {
    std::error_code error;
    fs::create_directories(directory.parent_path(), error);
    if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
        return fail(Error::from_errno(directory.string(), errno));
    return {};
}

}  // namespace

struct LeafFeed::Impl : std::enable_shared_from_this<Impl> {
    Impl(EventLoop& l, Problems& p, Options o, std::function<void()> changed)
        : loop(l),
          problems(p),
          options(std::move(o)),
          on_change(std::move(changed)),
          timer(l.context()) {}

    void connect();
    void lost(const Error& error);
    void ask();
    void take(const ControlResponse& response);
    void write_next();
    void drop_others() const;
    [[nodiscard]] fs::path path_of(const std::string& name) const {
        return options.directory / (name + ".pem");
    }

    EventLoop& loop;
    Problems& problems;
    Options options;
    std::function<void()> on_change;
    std::set<std::string> names;
    std::unique_ptr<EventStream> stream;
    boost::asio::steady_timer timer;
    int failures = 0;
    std::deque<File> pending;
    bool is_changed = false;
};

void LeafFeed::Impl::connect() {
    EventStream::Handlers handlers;
    handlers.on_open = [this] {
        failures = 0;
        problems.clear(kUnreachable);
        ask();
    };
    handlers.on_event = [this](const ControlEvent&) { ask(); };
    handlers.on_closed = [this](const Error& error) { lost(error); };
    stream = EventStream::open(loop, options.socket, "/events?topic=leaves", std::move(handlers));
}

// A restart of hearth-certs is nobody's business.
void LeafFeed::Impl::lost(const Error& error) {
    if (++failures == 2)
        problems.raise(kUnreachable,
                       "hearth-certs does not answer (" + error.to_string() +
                           "): systemctl start hearth-certs. Certificates that it gave before go "
                           "on until they end");
    timer.expires_after(kRetry);
    timer.async_wait([weak = weak_from_this()](const boost::system::error_code& cancelled) {
        const auto self = weak.lock();
        if (!cancelled && self && !self->names.empty()) self->connect();
    });
}

void LeafFeed::Impl::ask() {
    async_control_request(loop, options.socket, ControlMethod::kGet,
                          "/leaves?for=" + options.consumer, {}, kControlTimeout,
                          [weak = weak_from_this()](const Result<ControlResponse>& response) {
                              const auto self = weak.lock();
                              if (self && response) self->take(*response);
                          });
}

void LeafFeed::Impl::take(const ControlResponse& response) {
    json::error_code error;
    const json::value body = json::parse(response.body, error);
    const auto* object = body.if_object();
    if (response.status != 200 || error || object == nullptr) {
        log::warn("leaves_refused", {{"status", response.status}, {"answer", response.body}});
        return;
    }
    pending.clear();
    const std::string root = text_of(*object, "root");
    if (!root.empty()) pending.push_back({options.directory / "root.crt", root});
    const auto* leaves = object->if_contains("leaves");
    if (leaves == nullptr || !leaves->is_array()) return;
    for (const json::value& leaf : leaves->get_array()) {
        const auto* one = leaf.if_object();
        if (one == nullptr || !names.contains(text_of(*one, "name"))) continue;
        pending.push_back({path_of(text_of(*one, "name")), text_of(*one, "pem")});
    }
    write_next();
}

// One at a time: the loop does not stand still for a slow disk.
void LeafFeed::Impl::write_next() {
    while (!pending.empty()) {
        const File file = std::move(pending.front());
        pending.pop_front();
        if (has_content(file.path, file.content)) continue;
        auto kept = make_private(options.directory);
        if (kept) kept = write_file_atomically(file.path, as_bytes(file.content), 0600);
        if (!kept) {
            problems.raise(kNotKept, kept.error().to_string());
            continue;
        }
        is_changed = true;
        return loop.post([weak = weak_from_this()] {
            if (const auto self = weak.lock()) self->write_next();
        });
    }
    if (!std::exchange(is_changed, false)) return;
    problems.clear(kNotKept);
    on_change();
}

void LeafFeed::Impl::drop_others() const {
    std::error_code ignored;
    for (const auto& file : fs::directory_iterator(options.directory, ignored)) {
        const fs::path& path = file.path();
        if (path.extension() == ".pem" && !names.contains(path.stem().string()))
            fs::remove(path, ignored);
    }
}

LeafFeed::LeafFeed(EventLoop& loop, Problems& problems, Options options,
                   std::function<void()> on_change)
    : impl_(std::make_shared<Impl>(loop, problems, std::move(options), std::move(on_change))) {}

LeafFeed::~LeafFeed() = default;

void LeafFeed::want(std::set<std::string> names) {
    if (names == impl_->names) return;
    impl_->names = std::move(names);
    impl_->drop_others();
    impl_->stream.reset();
    impl_->timer.cancel();
    impl_->failures = 0;
    impl_->problems.clear(kUnreachable);
    if (!impl_->names.empty()) impl_->connect();
}

std::filesystem::path LeafFeed::path_of(const std::string& name) const {
    return impl_->path_of(name);
}

std::filesystem::path LeafFeed::root_path() const { return impl_->options.directory / "root.crt"; }

}  // namespace hearth::runtime
