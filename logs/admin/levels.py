"""Levels of loggers, for staff to change while everything runs."""

from django.contrib import admin

from logs.models import LoggerLevel


@admin.register(LoggerLevel)
class LoggerLevelAdmin(admin.ModelAdmin[LoggerLevel]):
    list_display = ["logger", "level"]
