#include "lb/bind/node_reporter.h"

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <optional>
#include <utility>

#include "base/time.h"
#include "runtime/control_client.h"
#include "runtime/event_loop.h"

namespace hearth::lb {
namespace {

namespace json = boost::json;

constexpr Duration kEvery = 1s;
constexpr Duration kAnswerWithin = 800ms;
constexpr std::array<std::string_view, 4> kDaemons{"dns", "lb", "proxy", "certs"};
using Answers = std::array<std::optional<json::value>, kDaemons.size()>;

std::filesystem::path socket_of(const std::filesystem::path& run_dir, std::string_view daemon) {
    return run_dir / (std::string(daemon) + ".sock");
}

std::string text_of(const json::value* object, std::string_view key) {
    const auto* fields = object == nullptr ? nullptr : object->if_object();
    const auto* field = fields == nullptr ? nullptr : fields->if_contains(key);
    const auto* text = field == nullptr ? nullptr : field->if_string();
    return text == nullptr ? std::string() : std::string(*text);
}

void add_problems(NodeReport& report, std::string_view daemon, const json::value& status) {
    const auto* problems = status.as_object().if_contains("problems");
    const auto* list = problems == nullptr ? nullptr : problems->if_array();
    if (list == nullptr) return;
    for (const auto& item : *list) {
        report.problems.push_back({std::string(daemon), text_of(&item, "name"),
                                   text_of(&item, "detail"), text_of(&item, "since")});
    }
}

// Not every home has a root of its own.
bool is_expected(std::string_view daemon, const std::filesystem::path& socket) {
    std::error_code ignored;
    return daemon != "certs" || std::filesystem::exists(socket, ignored);
}

// `answers` in the order of kDaemons; an absent one is a daemon that does not answer.
NodeReport make_report(const Answers& answers, const std::filesystem::path& run_dir) {
    NodeReport report;
    report.version = HEARTH_VERSION;
    for (std::size_t i = 0; i < kDaemons.size(); ++i) {
        const auto& status = answers[i];
        if (!status || !status->is_object()) {
            if (!is_expected(kDaemons[i], socket_of(run_dir, kDaemons[i]))) continue;
            report.daemons.push_back({std::string(kDaemons[i]), "down"});
            continue;
        }
        report.daemons.push_back({std::string(kDaemons[i]), text_of(&*status, "state")});
        add_problems(report, kDaemons[i], *status);
        if (kDaemons[i] == "lb")
            report.config_hash = text_of(status->as_object().if_contains("config"), "hash");
    }
    return report;
}

}  // namespace

struct NodeReporter::Impl : std::enable_shared_from_this<Impl> {
    Impl(runtime::EventLoop& l, std::filesystem::path dir, std::function<void(NodeReport)> r)
        : loop(l), run_dir(std::move(dir)), on_report(std::move(r)), timer(l.context()) {}

    void ask() {
        waiting = kDaemons.size();
        answers = {};
        for (std::size_t i = 0; i < kDaemons.size(); ++i) {
            runtime::async_control_request(
                loop, socket_of(run_dir, kDaemons[i]), runtime::ControlMethod::kGet, "/status", "",
                kAnswerWithin,
                [self = shared_from_this(), i](const Result<runtime::ControlResponse>& answer) {
                    self->answered(i, answer);
                });
        }
    }

    void answered(std::size_t i, const Result<runtime::ControlResponse>& answer) {
        if (closed) return;
        if (answer && answer->status == 200) {
            json::error_code error;
            auto status = json::parse(answer->body, error);
            if (!error) answers[i] = std::move(status);
        }
        if (--waiting > 0) return;
        on_report(make_report(answers, run_dir));
        timer.expires_after(kEvery);
        timer.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
            if (!error && !self->closed) self->ask();
        });
    }

    runtime::EventLoop& loop;
    std::filesystem::path run_dir;
    std::function<void(NodeReport)> on_report;
    boost::asio::steady_timer timer;
    Answers answers;
    std::size_t waiting = 0;
    bool closed = false;
};

NodeReporter::NodeReporter(runtime::EventLoop& loop, std::filesystem::path run_dir,
                           std::function<void(NodeReport)> on_report)
    : impl_(std::make_shared<Impl>(loop, std::move(run_dir), std::move(on_report))) {
    impl_->ask();
}

NodeReporter::~NodeReporter() {
    impl_->closed = true;
    impl_->timer.cancel();
}

}  // namespace hearth::lb
