"""Levels of loggers, for staff to change while everything runs."""

from django.contrib import admin

from logs.models import LoggerLevel
from ocrsite.lib.admin import ModelAdmin


@admin.register(LoggerLevel)
class LoggerLevelAdmin(ModelAdmin[LoggerLevel]):
    list_display = ["logger", "level"]
