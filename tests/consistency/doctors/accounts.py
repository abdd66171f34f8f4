"""Doctors of accounts and sessions."""

from tests.consistency.checker import owners, registers, rights
from tests.consistency.doctors.tools import SESSION, Mutation, breaking, change, listed, unapplied
from tests.consistency.story import ADMINISTRATOR, Story, account_of

MUTATIONS: list[Mutation] = []
breaks = breaking(MUTATIONS)


@breaks(owners.FOREIGN)
def an_account_of_another_owner_is_served(story: Story) -> None:
    change(story, story.read("bob", account_of("bob")), found={account_of("ann"): story.values[account_of("ann")]})


@breaks(registers.OLDER)
def an_account_is_shown_as_it_was(story: Story) -> None:
    before = story.values[account_of("ann")]
    story.write(account_of("ann"), after=" admin active")
    unapplied(story)
    listed(story, account_of("ann"), before, "user", ADMINISTRATOR)


@breaks(registers.OLDER)
def a_session_goes_on_after_it_was_ended(story: Story) -> None:
    story.write(SESSION)
    used = story.use(SESSION)
    story.delete(SESSION)
    unapplied(story)
    change(story, story.use(SESSION), status=200, found=used.found)


@breaks(registers.OLDER)
def a_session_is_refused_that_nobody_has_ended(story: Story) -> None:
    story.write(SESSION)
    change(story, story.use(SESSION), status=401, found={})


@breaks(rights.LET_IN)
def who_is_no_administrator_any_more_is_shown_all_accounts(story: Story) -> None:
    story.list("ann", "user")


@breaks(rights.LET_IN)
def who_was_closed_is_shown_the_account(story: Story) -> None:
    story.write(account_of("ann"), after=" user closed")
    story.read("ann", account_of("ann"))


@breaks(rights.KEPT_OUT)
def who_is_an_administrator_is_refused(story: Story) -> None:
    change(story, story.list(ADMINISTRATOR, "user"), status=403, found={})


@breaks(rights.KEPT_OUT)
def who_was_opened_again_is_refused(story: Story) -> None:
    story.write(account_of("ann"), after=" user closed")
    story.write(account_of("ann"), after=" user active")
    story.refuse("ann")


@breaks(rights.HELD)
def a_gateway_holds_an_account_itself(story: Story) -> None:
    story.read("ann", account_of("ann"), source="l1")


@breaks(rights.KEPT_OUT)
def who_is_to_be_closed_later_is_refused_before(story: Story) -> None:
    story.refuse("ann")
    story.write(account_of("ann"), after=" user closed")


@breaks(owners.FOREIGN)
def a_session_of_another_owner_is_used(story: Story) -> None:
    """What shows no mark is told by its key."""
    story.write(SESSION)
    change(story, story.use(SESSION), owner="bob")
