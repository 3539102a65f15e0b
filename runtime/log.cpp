#include "runtime/log.h"

#include <spdlog/async.h>
#include <spdlog/async_logger.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>

#include "runtime/log_render.h"
#include "runtime/systemd.h"

namespace hearth::log {

namespace {

constexpr std::size_t kQueueSize = 1024;  // of 400 octets each, taken at open()

class JournalSink final : public spdlog::sinks::base_sink<std::mutex> {
    void sink_it_(const spdlog::details::log_msg& message) override {
        runtime::send_to_journal({message.payload.data(), message.payload.size()});
    }
    void flush_() override {}
};

std::shared_ptr<spdlog::logger> plain_logger(spdlog::sink_ptr sink) {
    auto logger = std::make_shared<spdlog::logger>("hearth", std::move(sink));
    logger->set_pattern("%v");
    logger->set_level(spdlog::level::trace);
    return logger;
}

spdlog::sink_ptr stderr_sink() { return std::make_shared<spdlog::sinks::stderr_sink_mt>(); }

// Everything below the level check; one mutex, because an event that passes it is rare by
// definition and is formatted outside.
struct State {
    std::mutex mutex;
    Options options;
    std::shared_ptr<spdlog::details::thread_pool> pool;  // null while not open()
    std::shared_ptr<spdlog::logger> logger = plain_logger(stderr_sink());
    std::shared_ptr<const std::function<void(std::string_view)>> subscriber;
};

// Never destroyed: a thread may still log while static objects go.
State& state() {
    static State& instance = *new State;
    return instance;
}

std::atomic<Level> threshold{Level::kInfo};

spdlog::level::level_enum spdlog_level(Level level) {
    switch (level) {
        case Level::kDebug: return spdlog::level::debug;
        case Level::kInfo: return spdlog::level::info;
        case Level::kWarn: return spdlog::level::warn;
        case Level::kError: return spdlog::level::err;
    }
    return spdlog::level::info;
}

}  // namespace

std::string_view to_string(Level level) noexcept {
    switch (level) {
        case Level::kDebug: return "debug";
        case Level::kInfo: return "info";
        case Level::kWarn: return "warn";
        case Level::kError: return "error";
    }
    return "info";
}

std::optional<Level> parse_level(std::string_view text) noexcept {
    for (const Level level : {Level::kDebug, Level::kInfo, Level::kWarn, Level::kError}) {
        if (text == to_string(level)) return level;
    }
    return std::nullopt;
}

std::optional<Format> parse_format(std::string_view text) noexcept {
    if (text == "text") return Format::kText;
    if (text == "json") return Format::kJson;
    if (text == "journal") return Format::kJournal;
    return std::nullopt;
}

bool enabled(Level level) noexcept { return level >= threshold.load(std::memory_order_relaxed); }

void set_level(Level level) noexcept { threshold.store(level, std::memory_order_relaxed); }

void write(Level level, std::string_view event, Fields fields) {
    State& s = state();
    std::shared_ptr<spdlog::logger> logger;
    std::shared_ptr<const std::function<void(std::string_view)>> subscriber;
    Options options;
    {
        const std::lock_guard lock(s.mutex);
        logger = s.logger;
        subscriber = s.subscriber;
        options = s.options;
    }
    const auto now =
        std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
    const auto line = [&] {
        switch (options.format) {
            case Format::kText: return render_text(now, level, event, fields);
            case Format::kJson: return render_json(now, level, options.service, event, fields);
            case Format::kJournal: return render_journal(level, options.service, event, fields);
        }
        return std::string();
    }();
    logger->log(spdlog_level(level), spdlog::string_view_t(line.data(), line.size()));
    if (subscriber) (*subscriber)(render_json(now, level, options.service, event, fields));
}

void open(const Options& options) {
    State& s = state();
    auto pool = std::make_shared<spdlog::details::thread_pool>(kQueueSize, 1);
    const spdlog::sink_ptr sink =
        options.format == Format::kJournal ? std::make_shared<JournalSink>() : stderr_sink();
    auto logger = std::make_shared<spdlog::async_logger>(
        "hearth", sink, pool, spdlog::async_overflow_policy::overrun_oldest);
    logger->set_pattern("%v");
    logger->set_level(spdlog::level::trace);
    const std::lock_guard lock(s.mutex);
    s.options = options;
    s.pool = std::move(pool);
    s.logger = std::move(logger);
    set_level(options.level);
}

void close() {
    State& s = state();
    auto logger = plain_logger(stderr_sink());
    std::shared_ptr<spdlog::details::thread_pool> pool;
    {
        const std::lock_guard lock(s.mutex);
        logger.swap(s.logger);
        pool.swap(s.pool);
        s.options.format = Format::kText;
    }
    pool.reset();  // writes what is queued, then joins the writer: only then may the sink go
    logger.reset();
}

std::uint64_t dropped() {
    State& s = state();
    const std::lock_guard lock(s.mutex);
    return s.pool ? s.pool->overrun_counter() : 0;
}

void set_subscriber(std::function<void(std::string_view)> sink) {
    State& s = state();
    auto next = sink
                    ? std::make_shared<const std::function<void(std::string_view)>>(std::move(sink))
                    : nullptr;
    const std::lock_guard lock(s.mutex);
    s.subscriber = std::move(next);
}

}  // namespace hearth::log
