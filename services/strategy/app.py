"""The composition root: what the service is made of, and what it answers."""

import os

from services.strategy.core.text import normal_email
from services.strategy.handlers import AccountHandlers, StrategyHandlers
from services.strategy.migrations.indexes import INDEXES
from services.strategy.passwords import Passwords, argon2id
from services.strategy.retention import rules
from services.strategy.session_handlers import SessionHandlers
from services.strategy.settings import StrategySettings
from services.strategy.spec_validator import BusSpecValidator
from services.strategy.tokens import SessionTokens
from services.strategy.user_handlers import UserHandlers
from services.strategy.version_handlers import VersionHandlers
from shared.contracts import messages
from shared.runtime.care.caring import care_for
from shared.runtime.care.expiry import Rule
from shared.runtime.objects import Objects
from shared.runtime.once import Once
from shared.runtime.service import Service
from shared.runtime.versions import Versions
from shared.told_database import told_database


def compose(settings: StrategySettings) -> Service:
    """Return the service, wired. Raises SettingsError for an object store that cannot be."""
    service = Service("strategy", settings, objects=Objects(settings.objects_url()))
    database = told_database(service, settings, keeper="strategy")
    passwords = Passwords(argon2id(), at_once=os.cpu_count() or 1)
    accounts = AccountHandlers(database, service.clock, passwords, SessionTokens(settings.secret_key))
    sessions = SessionHandlers(database, service.clock, passwords)
    users = UserHandlers(database, service.clock)
    strategies = StrategyHandlers(database, service.clock, BusSpecValidator(service.caller()))
    versions = VersionHandlers(database)
    once = Once(database, service.clock, secret=settings.secret_key)

    requests = service.requests()
    # Nobody is logged in: the key is that of the account to be.
    register = once(accounts.register, owner=lambda message: normal_email(message.email))
    requests.handle(messages.RegisterUser, register)
    requests.handle(messages.LogIn, once(accounts.log_in, restore=accounts.tokens_again))
    requests.handle(messages.RefreshTokens, once(accounts.refresh, restore=accounts.tokens_again))
    requests.handle(messages.LogOut, once(sessions.log_out))
    requests.handle(messages.ChangePassword, once(sessions.change_password))
    requests.handle(messages.ReadUser, users.read)
    requests.handle(messages.PatchUser, once(users.patch))
    requests.handle(messages.ListUsers, users.list_all)
    requests.handle(messages.AdministerUser, once(users.administer))
    requests.handle(messages.CreateStrategy, once(strategies.create))
    requests.handle(messages.ReadStrategy, strategies.read)
    requests.handle(messages.ListStrategies, strategies.list_all)
    requests.handle(messages.ListStrategyVersions, versions.list_all)
    requests.handle(messages.ReadStrategyVersion, versions.read)
    requests.handle(messages.PatchStrategy, once(strategies.patch))
    requests.handle(messages.DeleteStrategy, once(strategies.delete))
    service.checks("metrics").handle(messages.ReadVersions, Versions(database).read)
    old = [Rule("request_answers", once.forget), *rules(database, service.clock, settings.sessions_kept_days)]
    care_for(service, requests, database, settings, declared=INDEXES, rules=old)
    return service
