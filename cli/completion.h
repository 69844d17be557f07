// Shell completion scripts, made from the command tree itself, so that they never lag behind it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace CLI {
class App;
}

namespace airtight {

// `shell` is bash, zsh or fish.
std::string completion_script(const CLI::App&, std::string_view shell);

}  // namespace airtight
