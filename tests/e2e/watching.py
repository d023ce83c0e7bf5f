"""What a page did while the test did not look: a test may be stopped for longer than a clip lasts."""

from selenium.webdriver.support.expected_conditions import staleness_of

from tests.e2e.page import Page

WATCH = """
const told = (window.told = []);
const look = () => {
  const now = EXPRESSION;
  if (now !== told.at(-1)) told.push(now);
};
look();
const all = { attributes: true, childList: true, characterData: true, subtree: true };
new MutationObserver(look).observe(document.body, all);
"""


def watch(page: Page, expression: str) -> None:
    """Let the page note each value of an expression of JavaScript from now on."""
    page.driver.execute_script(WATCH.replace("EXPRESSION", expression))


def told(page: Page) -> list[str]:
    """Return the values that were noted so far, in order."""
    found: list[str] = page.driver.execute_script("return window.told")
    return found


def reload(page: Page) -> None:
    """Load the page anew; without a look at the old one, the next question could still be answered by that."""
    old = page.one("html")
    page.driver.refresh()
    page.wait(lambda: staleness_of(old)(page.driver), "the old page is gone")
