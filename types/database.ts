// Written by `scripts/schema` from the migrated database; do not edit.
//
//   import { createClient } from '@supabase/supabase-js';
//   import type { Database } from './database';
//   const clinic = createClient<Database>(CHAIRSIDE_URL, ANON_KEY);

export type Json =
  | string
  | number
  | boolean
  | null
  | { [key: string]: Json | undefined }
  | Json[]

export type Database = {
  // Allows to automatically instantiate createClient with right options
  // instead of createClient<Database, { PostgrestVersion: 'XX' }>(URL, KEY)
  __InternalSupabase: {
    PostgrestVersion: "12"
  }
  public: {
    Tables: {
      access_log: {
        Row: {
          actor: string
          actor_role: string
          at: string
          id: string
          method: string
          query: string
          recorded_at: string
          recorded_by: string
          request_id: string | null
          route: string
          row_count: number | null
        }
        Insert: {
          actor?: never
          actor_role?: never
          at?: never
          id?: never
          method?: never
          query?: never
          recorded_at?: never
          recorded_by?: never
          request_id?: never
          route?: never
          row_count?: never
        }
        Update: {
          actor?: never
          actor_role?: never
          at?: never
          id?: never
          method?: never
          query?: never
          recorded_at?: never
          recorded_by?: never
          request_id?: never
          route?: never
          row_count?: never
        }
        Relationships: [
          {
            foreignKeyName: "access_log_actor_fkey"
            columns: ["actor"]
            isOneToOne: false
            referencedRelation: "dentist"
            referencedColumns: ["id"]
          },
          {
            foreignKeyName: "access_log_actor_fkey"
            columns: ["actor"]
            isOneToOne: false
            referencedRelation: "user"
            referencedColumns: ["id"]
          },
        ]
      }
      appointment: {
        Row: {
          arrived_at: string | null
          assistant_id: string | null
          cancel_reason: string | null
          cancelled_at: string | null
          cancelled_by: string | null
          created_at: string
          created_by: string | null
          deleted_at: string | null
          dentist_id: string
          dismissed_at: string | null
          ends_at: string
          hold_expires_at: string | null
          id: string
          late_cancel: boolean
          notes: string | null
          patient_id: string | null
          priority: string
          reason: string | null
          reminder_sent_at: string | null
          rescheduled_from: string | null
          room: string | null
          seated_at: string | null
          source: string
          starts_at: string
          status: Database["public"]["Enums"]["appointment_status"]
          updated_at: string
          updated_by: string | null
          version: number
        }
        Insert: {
          arrived_at?: never
          assistant_id?: string | null
          cancel_reason?: string | null
          cancelled_at?: never
          cancelled_by?: never
          created_at?: never
          created_by?: never
          deleted_at?: never
          dentist_id: string
          dismissed_at?: never
          ends_at: string
          hold_expires_at?: never
          id?: string
          late_cancel?: never
          notes?: string | null
          patient_id?: string | null
          priority?: string
          reason?: string | null
          reminder_sent_at?: never
          rescheduled_from?: never
          room?: string | null
          seated_at?: never
          source?: string
          starts_at: string
          status?: Database["public"]["Enums"]["appointment_status"]
          updated_at?: never
          updated_by?: never
          version?: never
        }
        Update: {
          arrived_at?: never
          assistant_id?: string | null
          cancel_reason?: string | null
          cancelled_at?: never
          cancelled_by?: never
          created_at?: never
          created_by?: never
          deleted_at?: never
          dentist_id?: string
          dismissed_at?: never
          ends_at?: string
          hold_expires_at?: never
          id?: string
          late_cancel?: never
          notes?: string | null
          patient_id?: string | null
          priority?: string
          reason?: string | null
          reminder_sent_at?: never
          rescheduled_from?: never
          room?: string | null
          seated_at?: never
          source?: string
          starts_at?: string
          status?: Database["public"]["Enums"]["appointment_status"]
          updated_at?: never
          updated_by?: never
          version?: never
        }
        Relationships: [
          {
            foreignKeyName: "appointment_assistant_id_fkey"
            columns: ["assistant_id"]
            isOneToOne: false
            referencedRelation: "dentist"
            referencedColumns: ["id"]
          },
          {
            foreignKeyName: "appointment_assistant_id_fkey"
            columns: ["assistant_id"]
            isOneToOne: false
            referencedRelation: "user"
            referencedColumns: ["id"]
          },
          {
            foreignKeyName: "appointment_cancelled_by_fkey"
            columns: ["cancelled_by"]
            isOneToOne: false
            referencedRelation: "dentist"
            referencedColumns: ["id"]
          },
          {
            foreignKeyName: "appointment_cancelled_by_fkey"
            columns: ["cancelled_by"]
            isOneToOne: false
            referencedRelation: "user"
            referencedColumns: ["id"]
          },
          {
            foreignKeyName: "appointment_dentist_id_fkey"
            columns: ["dentist_id"]
            isOneToOne: false
            referencedRelation: "dentist"
            referencedColumns: ["id"]
          },
          {
            foreignKeyName: "appointment_dentist_id_fkey"
            columns: ["dentist_id"]
            isOneToOne: false
            referencedRelation: "user"
            referencedColumns: ["id"]
          },
          {
            foreignKeyName: "appointment_patient_id_fkey"
            columns: ["patient_id"]
            isOneToOne: false
            referencedRelation: "dentist"
            referencedColumns: ["id"]
          },
          {
            foreignKeyName: "appointment_patient_id_fkey"
            columns: ["patient_id"]
            isOneToOne: false
            referencedRelation: "user"
            referencedColumns: ["id"]
          },
          {
            foreignKeyName: "appointment_rescheduled_from_fkey"
            columns: ["rescheduled_from"]
            isOneToOne: true
            referencedRelation: "appointment"
            referencedColumns: ["id"]
          },
        ]
      }
      appointment_has_service: {
        Row: {
          appointment_deleted_at: string | null
          appointment_id: string
          created_at: string
          dentist_id: string
          duration_min: number
          line_no: number
          patient_id: string | null
          quantity: number
          service_id: string
          surfaces: string | null
          tooth: string | null
          unit_fee: number
          updated_at: string
          updated_by: string | null
          version: number
        }
        Insert: {
          appointment_deleted_at?: never
          appointment_id: string
          created_at?: never
          dentist_id?: never
          duration_min: number
          line_no?: number
          patient_id?: never
          quantity?: number
          service_id: string
          surfaces?: string | null
          tooth?: string | null
          unit_fee: number
          updated_at?: never
          updated_by?: never
          version?: never
        }
        Update: {
          appointment_deleted_at?: never
          appointment_id?: string
          created_at?: never
          dentist_id?: never
          duration_min?: number
          line_no?: number
          patient_id?: never
          quantity?: number
          service_id?: string
          surfaces?: string | null
          tooth?: string | null
          unit_fee?: number
          updated_at?: never
          updated_by?: never
          version?: never
        }
        Relationships: [
          {
            foreignKeyName: "appointment_has_service_appointment_id_fkey"
            columns: ["appointment_id"]
            isOneToOne: false
            referencedRelation: "appointment"
            referencedColumns: ["id"]
          },
          {
            foreignKeyName: "appointment_has_service_service_id_fkey"
            columns: ["service_id"]
            isOneToOne: false
            referencedRelation: "service"
            referencedColumns: ["id"]
          },
        ]
      }
      chat_feedback: {
        Row: {
          comment: string | null
          completion_id: string
          created_at: string
          rating: string
          user_id: string | null
        }
        Insert: {
          comment?: never
          completion_id?: never
          created_at?: never
          rating?: never
          user_id?: never
        }
        Update: {
          comment?: never
          completion_id?: never
          created_at?: never
          rating?: never
          user_id?: never
        }
        Relationships: []
      }
      clinic_settings: {
        Row: {
          booking_horizon_days: number
          booking_lead_minutes: number
          cancellation_window_hours: number
          closures: NonNullable<Json>
          created_at: string
          currency: string
          emergency_number: string
          emergency_text: string
          grid_minutes: number
          hold_minutes: number
          id: number
          max_anonymous_holds: number
          max_open_requests: number
          name: string
          opening_hours: NonNullable<Json>
          payment_term_days: number
          phone: string | null
          reminder_lead_hours: number
          slot_step_minutes: number
          time_zone: string
          updated_at: string
          updated_by: string | null
          urgent_text: string
          version: number
          waitlist_offer_minutes: number
        }
        Insert: {
          booking_horizon_days?: never
          booking_lead_minutes?: never
          cancellation_window_hours?: never
          closures?: never
          created_at?: never
          currency?: never
          emergency_number?: never
          emergency_text?: never
          grid_minutes?: never
          hold_minutes?: never
          id?: never
          max_anonymous_holds?: never
          max_open_requests?: never
          name?: never
          opening_hours?: never
          payment_term_days?: never
          phone?: never
          reminder_lead_hours?: never
          slot_step_minutes?: never
          time_zone?: never
          updated_at?: never
          updated_by?: never
          urgent_text?: never
          version?: never
          waitlist_offer_minutes?: never
        }
        Update: {
          booking_horizon_days?: never
          booking_lead_minutes?: never
          cancellation_window_hours?: never
          closures?: never
          created_at?: never
          currency?: never
          emergency_number?: never
          emergency_text?: never
          grid_minutes?: never
          hold_minutes?: never
          id?: never
          max_anonymous_holds?: never
          max_open_requests?: never
          name?: never
          opening_hours?: never
          payment_term_days?: never
          phone?: never
          reminder_lead_hours?: never
          slot_step_minutes?: never
          time_zone?: never
          updated_at?: never
          updated_by?: never
          urgent_text?: never
          version?: never
          waitlist_offer_minutes?: never
        }
        Relationships: []
      }
      insurance_detail: {
        Row: {
          annual_max: number | null
          annual_used: number
          assignment_of_benefits: boolean
          carrier_name: string
          created_at: string
          deductible: number
          deductible_met: number
          deleted_at: string | null
          effective_on: string
          group_number: string | null
          id: string
          member_id: string
          ordinal: number
          patient_id: string
          payer_id: string | null
          pct_basic: number | null
          pct_major: number | null
          pct_ortho: number | null
          pct_preventive: number | null
          plan_name: string | null
          plan_type: string
          relationship: string
          release_of_info: boolean
          renewal_month: number
          subscriber_id: string | null
          terminated_on: string | null
          updated_at: string
          updated_by: string | null
          verification: string
          verified_at: string | null
          verified_by: string | null
          version: number
          waiting_until: string | null
        }
        Insert: {
          annual_max?: number | null
          annual_used?: number
          assignment_of_benefits?: boolean
          carrier_name: string
          created_at?: never
          deductible?: number
          deductible_met?: number
          deleted_at?: never
          effective_on: string
          group_number?: string | null
          id?: string
          member_id: string
          ordinal?: number
          patient_id: string
          payer_id?: string | null
          pct_basic?: number | null
          pct_major?: number | null
          pct_ortho?: number | null
          pct_preventive?: number | null
          plan_name?: string | null
          plan_type?: string
          relationship?: string
          release_of_info?: boolean
          renewal_month?: number
          subscriber_id?: string | null
          terminated_on?: string | null
          updated_at?: never
          updated_by?: never
          verification?: string
          verified_at?: never
          verified_by?: never
          version?: never
          waiting_until?: string | null
        }
        Update: {
          annual_max?: number | null
          annual_used?: number
          assignment_of_benefits?: boolean
          carrier_name?: string
          created_at?: never
          deductible?: number
          deductible_met?: number
          deleted_at?: never
          effective_on?: string
          group_number?: string | null
          id?: string
          member_id?: string
          ordinal?: number
          patient_id?: string
          payer_id?: string | null
          pct_basic?: number | null
          pct_major?: number | null
          pct_ortho?: number | null
          pct_preventive?: number | null
          plan_name?: string | null
          plan_type?: string
          relationship?: string
          release_of_info?: boolean
          renewal_month?: number
          subscriber_id?: string | null
          terminated_on?: string | null
          updated_at?: never
          updated_by?: never
          verification?: string
          verified_at?: never
          verified_by?: never
          version?: never
          waiting_until?: string | null
        }
        Relationships: [
          {
            foreignKeyName: "insurance_detail_patient_id_fkey"
            columns: ["patient_id"]
            isOneToOne: false
            referencedRelation: "dentist"
            referencedColumns: ["id"]
          },
          {
            foreignKeyName: "insurance_detail_patient_id_fkey"
            columns: ["patient_id"]
            isOneToOne: false
            referencedRelation: "user"
            referencedColumns: ["id"]
          },
          {
            foreignKeyName: "insurance_detail_subscriber_id_fkey"
            columns: ["subscriber_id"]
            isOneToOne: false
            referencedRelation: "dentist"
            referencedColumns: ["id"]
          },
          {
            foreignKeyName: "insurance_detail_subscriber_id_fkey"
            columns: ["subscriber_id"]
            isOneToOne: false
            referencedRelation: "user"
            referencedColumns: ["id"]
          },
          {
            foreignKeyName: "insurance_detail_verified_by_fkey"
            columns: ["verified_by"]
            isOneToOne: false
            referencedRelation: "dentist"
            referencedColumns: ["id"]
          },
          {
            foreignKeyName: "insurance_detail_verified_by_fkey"
            columns: ["verified_by"]
            isOneToOne: false
            referencedRelation: "user"
            referencedColumns: ["id"]
          },
        ]
      }
      inventory: {
        Row: {
          barcode: string | null
          catalog_no: string | null
          category: string
          created_at: string
          deleted_at: string | null
          discard_reason: string | null
          expires_on: string | null
          id: string
          last_counted_at: string | null
          location: string
          lot_no: string
          manufacturer: string | null
          name: string
          on_hand: number
          on_order: number
          reorder_level: number
          reorder_target: number | null
          sku: string
          status: string
          supplier: string | null
          unit: string
          unit_cost: number | null
          updated_at: string
          updated_by: string | null
          version: number
        }
        Insert: {
          barcode?: string | null
          catalog_no?: string | null
          category: string
          created_at?: never
          deleted_at?: never
          discard_reason?: string | null
          expires_on?: string | null
          id?: string
          last_counted_at?: never
          location?: string
          lot_no?: string
          manufacturer?: string | null
          name: string
          on_hand?: never
          on_order?: number
          reorder_level?: number
          reorder_target?: number | null
          sku: string
          status?: string
          supplier?: string | null
          unit?: string
          unit_cost?: number | null
          updated_at?: never
          updated_by?: never
          version?: never
        }
        Update: {
          barcode?: string | null
          catalog_no?: string | null
          category?: string
          created_at?: never
          deleted_at?: never
          discard_reason?: string | null
          expires_on?: string | null
          id?: string
          last_counted_at?: never
          location?: string
          lot_no?: string
          manufacturer?: string | null
          name?: string
          on_hand?: never
          on_order?: number
          reorder_level?: number
          reorder_target?: number | null
          sku?: string
          status?: string
          supplier?: string | null
          unit?: string
          unit_cost?: number | null
          updated_at?: never
          updated_by?: never
          version?: never
        }
        Relationships: []
      }
      invoice_line: {
        Row: {
          allowed: number
          amount: number
          created_at: string
          deductible: number
          description: string
          explanation: string
          id: string
          insurance_share: number
          invoice_id: string
          line_no: number
          patient_share: number
          percent: number
          quantity: number
          service_id: string
          tax: number
          treatment_id: string | null
          unit_fee: number
        }
        Insert: {
          allowed?: never
          amount?: never
          created_at?: never
          deductible?: never
          description?: never
          explanation?: never
          id?: never
          insurance_share?: never
          invoice_id?: never
          line_no?: never
          patient_share?: never
          percent?: never
          quantity?: never
          service_id?: never
          tax?: never
          treatment_id?: never
          unit_fee?: never
        }
        Update: {
          allowed?: never
          amount?: never
          created_at?: never
          deductible?: never
          description?: never
          explanation?: never
          id?: never
          insurance_share?: never
          invoice_id?: never
          line_no?: never
          patient_share?: never
          percent?: never
          quantity?: never
          service_id?: never
          tax?: never
          treatment_id?: never
          unit_fee?: never
        }
        Relationships: [
          {
            foreignKeyName: "invoice_line_invoice_id_fkey"
            columns: ["invoice_id"]
            isOneToOne: false
            referencedRelation: "invoices"
            referencedColumns: ["id"]
          },
          {
            foreignKeyName: "invoice_line_service_id_fkey"
            columns: ["service_id"]
            isOneToOne: false
            referencedRelation: "service"
            referencedColumns: ["id"]
          },
          {
            foreignKeyName: "invoice_line_treatment_id_fkey"
            columns: ["treatment_id"]
            isOneToOne: false
            referencedRelation: "treatment_records"
            referencedColumns: ["id"]
          },
        ]
      }
      invoices: {
        Row: {
          appointment_id: string | null
          balance: number | null
          created_at: string
          created_by: string | null
          currency: string
          discount: number
          due_on: string | null
          guarantor_id: string | null
          id: string
          insurance_estimate: number
          insurance_id: string | null
          insurance_paid: number
          invoice_no: string | null
          issued_at: string | null
          notes: string | null
          paid: number
          patient_id: string
          status: Database["public"]["Enums"]["invoice_status"]
          subtotal: number
          tax: number
          total: number | null
          updated_at: string
          updated_by: string | null
          version: number
          void_reason: string | null
          voided_at: string | null
          write_off: number
        }
        Insert: {
          appointment_id?: string | null
          balance?: never
          created_at?: never
          created_by?: never
          currency?: string
          discount?: number
          due_on?: string | null
          guarantor_id?: string | null
          id?: string
          insurance_estimate?: number
          insurance_id?: string | null
          insurance_paid?: never
          invoice_no?: never
          issued_at?: never
          notes?: string | null
          paid?: never
          patient_id: string
          status?: never
          subtotal?: number
          tax?: number
          total?: never
          updated_at?: never
          updated_by?: never
          version?: never
          void_reason?: never
          voided_at?: never
          write_off?: never
        }
        Update: {
          appointment_id?: string | null
          balance?: never
          created_at?: never
          created_by?: never
          currency?: string
          discount?: number
          due_on?: string | null
          guarantor_id?: string | null
          id?: string
          insurance_estimate?: number
          insurance_id?: string | null
          insurance_paid?: never
          invoice_no?: never
          issued_at?: never
          notes?: string | null
          paid?: never
          patient_id?: string
          status?: never
          subtotal?: number
          tax?: number
          total?: never
          updated_at?: never
          updated_by?: never
          version?: never
          void_reason?: never
          voided_at?: never
          write_off?: never
        }
        Relationships: [
          {
            foreignKeyName: "invoices_appointment_id_fkey"
            columns: ["appointment_id"]
            isOneToOne: false
            referencedRelation: "appointment"
            referencedColumns: ["id"]
          },
          {
            foreignKeyName: "invoices_guarantor_id_fkey"
            columns: ["guarantor_id"]
            isOneToOne: false
            referencedRelation: "dentist"
            referencedColumns: ["id"]
          },
          {
            foreignKeyName: "invoices_guarantor_id_fkey"
            columns: ["guarantor_id"]
            isOneToOne: false
            referencedRelation: "user"
            referencedColumns: ["id"]
          },
          {
            foreignKeyName: "invoices_insurance_id_fkey"
            columns: ["insurance_id"]
            isOneToOne: false
            referencedRelation: "insurance_detail"
            referencedColumns: ["id"]
          },
          {
            foreignKeyName: "invoices_patient_id_fkey"
            columns: ["patient_id"]
            isOneToOne: false
            referencedRelation: "dentist"
            referencedColumns: ["id"]
          },
          {
            foreignKeyName: "invoices_patient_id_fkey"
            columns: ["patient_id"]
            isOneToOne: false
            referencedRelation: "user"
            referencedColumns: ["id"]
          },
        ]
      }
      knowledge_chunk: {
        Row: {
          content: string
          document_slug: string
          heading: string
          id: string
          ordinal: number
          terms: number
        }
        Insert: {
          content?: never
          document_slug?: never
          heading?: never
          id?: never
          ordinal?: never
          terms?: never
        }
        Update: {
          content?: never
          document_slug?: never
          heading?: never
          id?: never
          ordinal?: never
          terms?: never
        }
        Relationships: [
          {
            foreignKeyName: "knowledge_chunk_document_fkey"
            columns: ["document_slug"]
            isOneToOne: false
            referencedRelation: "knowledge_document"
            referencedColumns: ["slug"]
          },
        ]
      }
      knowledge_document: {
        Row: {
          audience: string
          body: string
          category: string
          content_hash: string
          created_at: string
          language: string
          slug: string
          title: string
          updated_at: string
          updated_by: string | null
          valid_from: string | null
          valid_until: string | null
          version: number
        }
        Insert: {
          audience?: never
          body?: never
          category?: never
          content_hash?: never
          created_at?: never
          language?: never
          slug?: never
          title?: never
          updated_at?: never
          updated_by?: never
          valid_from?: never
          valid_until?: never
          version?: never
        }
        Update: {
          audience?: never
          body?: never
          category?: never
          content_hash?: never
          created_at?: never
          language?: never
          slug?: never
          title?: never
          updated_at?: never
          updated_by?: never
          valid_from?: never
          valid_until?: never
          version?: never
        }
        Relationships: []
      }
      patient_medical_history: {
        Row: {
          code: string | null
          code_system: string | null
          created_at: string
          deleted_at: string | null
          dosage: string | null
          ended_on: string | null
          id: string
          is_alert: boolean
          kind: Database["public"]["Enums"]["medical_history_kind"]
          notes: string | null
          onset_on: string | null
          patient_id: string
          premedication: boolean
          reaction: string | null
          recorded_by: string | null
          reviewed_at: string | null
          reviewed_by: string | null
          severity: string | null
          status: string
          title: string
          updated_at: string
          updated_by: string | null
          version: number
        }
        Insert: {
          code?: string | null
          code_system?: string | null
          created_at?: never
          deleted_at?: never
          dosage?: string | null
          ended_on?: string | null
          id?: string
          is_alert?: boolean
          kind: Database["public"]["Enums"]["medical_history_kind"]
          notes?: string | null
          onset_on?: string | null
          patient_id: string
          premedication?: boolean
          reaction?: string | null
          recorded_by?: never
          reviewed_at?: string | null
          reviewed_by?: never
          severity?: string | null
          status?: string
          title: string
          updated_at?: never
          updated_by?: never
          version?: never
        }
        Update: {
          code?: string | null
          code_system?: string | null
          created_at?: never
          deleted_at?: never
          dosage?: string | null
          ended_on?: string | null
          id?: string
          is_alert?: boolean
          kind?: Database["public"]["Enums"]["medical_history_kind"]
          notes?: string | null
          onset_on?: string | null
          patient_id?: string
          premedication?: boolean
          reaction?: string | null
          recorded_by?: never
          reviewed_at?: string | null
          reviewed_by?: never
          severity?: string | null
          status?: string
          title?: string
          updated_at?: never
          updated_by?: never
          version?: never
        }
        Relationships: [
          {
            foreignKeyName: "patient_medical_history_patient_id_fkey"
            columns: ["patient_id"]
            isOneToOne: false
            referencedRelation: "dentist"
            referencedColumns: ["id"]
          },
          {
            foreignKeyName: "patient_medical_history_patient_id_fkey"
            columns: ["patient_id"]
            isOneToOne: false
            referencedRelation: "user"
            referencedColumns: ["id"]
          },
          {
            foreignKeyName: "patient_medical_history_recorded_by_fkey"
            columns: ["recorded_by"]
            isOneToOne: false
            referencedRelation: "dentist"
            referencedColumns: ["id"]
          },
          {
            foreignKeyName: "patient_medical_history_recorded_by_fkey"
            columns: ["recorded_by"]
            isOneToOne: false
            referencedRelation: "user"
            referencedColumns: ["id"]
          },
          {
            foreignKeyName: "patient_medical_history_reviewed_by_fkey"
            columns: ["reviewed_by"]
            isOneToOne: false
            referencedRelation: "dentist"
            referencedColumns: ["id"]
          },
          {
            foreignKeyName: "patient_medical_history_reviewed_by_fkey"
            columns: ["reviewed_by"]
            isOneToOne: false
            referencedRelation: "user"
            referencedColumns: ["id"]
          },
        ]
      }
      payment: {
        Row: {
          amount: number
          created_at: string
          created_by: string | null
          currency: string
          external_id: string | null
          id: string
          invoice_id: string
          kind: Database["public"]["Enums"]["payment_kind"]
          method: string
          notes: string | null
          paid_at: string | null
          patient_id: string
          provider: string | null
          receipt_no: string | null
          received_by: string | null
          refund_of: string | null
          status: Database["public"]["Enums"]["payment_status"]
          updated_at: string
          updated_by: string | null
          version: number
        }
        Insert: {
          amount: number
          created_at?: never
          created_by?: never
          currency?: string
          external_id?: string | null
          id?: string
          invoice_id: string
          kind?: Database["public"]["Enums"]["payment_kind"]
          method: string
          notes?: string | null
          paid_at?: string | null
          patient_id: string
          provider?: string | null
          receipt_no?: never
          received_by?: never
          refund_of?: string | null
          status?: Database["public"]["Enums"]["payment_status"]
          updated_at?: never
          updated_by?: never
          version?: never
        }
        Update: {
          amount?: number
          created_at?: never
          created_by?: never
          currency?: string
          external_id?: string | null
          id?: string
          invoice_id?: string
          kind?: Database["public"]["Enums"]["payment_kind"]
          method?: string
          notes?: string | null
          paid_at?: string | null
          patient_id?: string
          provider?: string | null
          receipt_no?: never
          received_by?: never
          refund_of?: string | null
          status?: Database["public"]["Enums"]["payment_status"]
          updated_at?: never
          updated_by?: never
          version?: never
        }
        Relationships: [
          {
            foreignKeyName: "payment_invoice_id_fkey"
            columns: ["invoice_id"]
            isOneToOne: false
            referencedRelation: "invoices"
            referencedColumns: ["id"]
          },
          {
            foreignKeyName: "payment_patient_id_fkey"
            columns: ["patient_id"]
            isOneToOne: false
            referencedRelation: "dentist"
            referencedColumns: ["id"]
          },
          {
            foreignKeyName: "payment_patient_id_fkey"
            columns: ["patient_id"]
            isOneToOne: false
            referencedRelation: "user"
            referencedColumns: ["id"]
          },
          {
            foreignKeyName: "payment_received_by_fkey"
            columns: ["received_by"]
            isOneToOne: false
            referencedRelation: "dentist"
            referencedColumns: ["id"]
          },
          {
            foreignKeyName: "payment_received_by_fkey"
            columns: ["received_by"]
            isOneToOne: false
            referencedRelation: "user"
            referencedColumns: ["id"]
          },
          {
            foreignKeyName: "payment_refund_of_fkey"
            columns: ["refund_of"]
            isOneToOne: false
            referencedRelation: "payment"
            referencedColumns: ["id"]
          },
        ]
      }
      provider_hours: {
        Row: {
          created_at: string
          dentist_id: string
          ends: string
          id: string
          starts: string
          updated_at: string
          updated_by: string | null
          valid_from: string
          valid_to: string | null
          version: number
          weekday: number
        }
        Insert: {
          created_at?: never
          dentist_id?: never
          ends?: never
          id?: never
          starts?: never
          updated_at?: never
          updated_by?: never
          valid_from?: never
          valid_to?: never
          version?: never
          weekday?: never
        }
        Update: {
          created_at?: never
          dentist_id?: never
          ends?: never
          id?: never
          starts?: never
          updated_at?: never
          updated_by?: never
          valid_from?: never
          valid_to?: never
          version?: never
          weekday?: never
        }
        Relationships: [
          {
            foreignKeyName: "provider_hours_dentist_id_fkey"
            columns: ["dentist_id"]
            isOneToOne: false
            referencedRelation: "dentist"
            referencedColumns: ["id"]
          },
          {
            foreignKeyName: "provider_hours_dentist_id_fkey"
            columns: ["dentist_id"]
            isOneToOne: false
            referencedRelation: "user"
            referencedColumns: ["id"]
          },
        ]
      }
      role: {
        Row: {
          code: string
          created_at: string
          description: string | null
          id: number
          name: string
          permissions: NonNullable<Json>
          updated_at: string
          updated_by: string | null
          version: number
        }
        Insert: {
          code: string
          created_at?: never
          description?: string | null
          id: number
          name: string
          permissions?: NonNullable<Json>
          updated_at?: never
          updated_by?: never
          version?: never
        }
        Update: {
          code?: string
          created_at?: never
          description?: string | null
          id?: number
          name?: string
          permissions?: NonNullable<Json>
          updated_at?: never
          updated_by?: never
          version?: never
        }
        Relationships: []
      }
      service: {
        Row: {
          active: boolean
          buffer_after_min: number
          buffer_before_min: number
          category: string
          code: string
          created_at: string
          currency: string
          deleted_at: string | null
          duration_min: number
          fee: number
          id: string
          is_prosthesis: boolean
          lay_name: string | null
          name: string
          online_bookable: boolean
          tax_rate: number
          treatment_area: Database["public"]["Enums"]["treatment_area"]
          updated_at: string
          updated_by: string | null
          version: number
        }
        Insert: {
          active?: boolean
          buffer_after_min?: number
          buffer_before_min?: number
          category: string
          code: string
          created_at?: never
          currency?: string
          deleted_at?: never
          duration_min?: number
          fee: number
          id?: string
          is_prosthesis?: boolean
          lay_name?: string | null
          name: string
          online_bookable?: boolean
          tax_rate?: number
          treatment_area?: Database["public"]["Enums"]["treatment_area"]
          updated_at?: never
          updated_by?: never
          version?: never
        }
        Update: {
          active?: boolean
          buffer_after_min?: number
          buffer_before_min?: number
          category?: string
          code?: string
          created_at?: never
          currency?: string
          deleted_at?: never
          duration_min?: number
          fee?: number
          id?: string
          is_prosthesis?: boolean
          lay_name?: string | null
          name?: string
          online_bookable?: boolean
          tax_rate?: number
          treatment_area?: Database["public"]["Enums"]["treatment_area"]
          updated_at?: never
          updated_by?: never
          version?: never
        }
        Relationships: []
      }
      treatment_records: {
        Row: {
          amends_id: string | null
          appointment_id: string | null
          area_code: string | null
          created_at: string
          created_by: string | null
          dentist_id: string
          diagnosis_code: string | null
          fee: number
          id: string
          invoice_id: string | null
          locked: boolean | null
          notes: string | null
          patient_id: string
          performed_at: string | null
          planned_on: string
          priority: number | null
          prosthesis: string | null
          prosthesis_prior_on: string | null
          quantity: number
          service_id: string
          signed_at: string | null
          signed_by: string | null
          status: Database["public"]["Enums"]["treatment_status"]
          surfaces: string | null
          tooth: string | null
          tooth_range: string | null
          updated_at: string
          updated_by: string | null
          version: number
        }
        Insert: {
          amends_id?: string | null
          appointment_id?: string | null
          area_code?: string | null
          created_at?: never
          created_by?: never
          dentist_id: string
          diagnosis_code?: string | null
          fee: number
          id?: string
          invoice_id?: never
          locked?: never
          notes?: string | null
          patient_id: string
          performed_at?: string | null
          planned_on?: string
          priority?: number | null
          prosthesis?: string | null
          prosthesis_prior_on?: string | null
          quantity?: number
          service_id: string
          signed_at?: string | null
          signed_by?: never
          status?: Database["public"]["Enums"]["treatment_status"]
          surfaces?: string | null
          tooth?: string | null
          tooth_range?: string | null
          updated_at?: never
          updated_by?: never
          version?: never
        }
        Update: {
          amends_id?: string | null
          appointment_id?: string | null
          area_code?: string | null
          created_at?: never
          created_by?: never
          dentist_id?: string
          diagnosis_code?: string | null
          fee?: number
          id?: string
          invoice_id?: never
          locked?: never
          notes?: string | null
          patient_id?: string
          performed_at?: string | null
          planned_on?: string
          priority?: number | null
          prosthesis?: string | null
          prosthesis_prior_on?: string | null
          quantity?: number
          service_id?: string
          signed_at?: string | null
          signed_by?: never
          status?: Database["public"]["Enums"]["treatment_status"]
          surfaces?: string | null
          tooth?: string | null
          tooth_range?: string | null
          updated_at?: never
          updated_by?: never
          version?: never
        }
        Relationships: [
          {
            foreignKeyName: "treatment_records_amends_id_fkey"
            columns: ["amends_id"]
            isOneToOne: false
            referencedRelation: "treatment_records"
            referencedColumns: ["id"]
          },
          {
            foreignKeyName: "treatment_records_appointment_id_fkey"
            columns: ["appointment_id"]
            isOneToOne: false
            referencedRelation: "appointment"
            referencedColumns: ["id"]
          },
          {
            foreignKeyName: "treatment_records_dentist_id_fkey"
            columns: ["dentist_id"]
            isOneToOne: false
            referencedRelation: "dentist"
            referencedColumns: ["id"]
          },
          {
            foreignKeyName: "treatment_records_dentist_id_fkey"
            columns: ["dentist_id"]
            isOneToOne: false
            referencedRelation: "user"
            referencedColumns: ["id"]
          },
          {
            foreignKeyName: "treatment_records_invoice_id_fkey"
            columns: ["invoice_id"]
            isOneToOne: false
            referencedRelation: "invoices"
            referencedColumns: ["id"]
          },
          {
            foreignKeyName: "treatment_records_patient_id_fkey"
            columns: ["patient_id"]
            isOneToOne: false
            referencedRelation: "dentist"
            referencedColumns: ["id"]
          },
          {
            foreignKeyName: "treatment_records_patient_id_fkey"
            columns: ["patient_id"]
            isOneToOne: false
            referencedRelation: "user"
            referencedColumns: ["id"]
          },
          {
            foreignKeyName: "treatment_records_service_id_fkey"
            columns: ["service_id"]
            isOneToOne: false
            referencedRelation: "service"
            referencedColumns: ["id"]
          },
          {
            foreignKeyName: "treatment_records_signed_by_fkey"
            columns: ["signed_by"]
            isOneToOne: false
            referencedRelation: "dentist"
            referencedColumns: ["id"]
          },
          {
            foreignKeyName: "treatment_records_signed_by_fkey"
            columns: ["signed_by"]
            isOneToOne: false
            referencedRelation: "user"
            referencedColumns: ["id"]
          },
        ]
      }
      user: {
        Row: {
          address: Json | null
          consent_ai_at: string | null
          consent_privacy_at: string | null
          consent_sms_at: string | null
          consent_treatment_at: string | null
          contact_method: string
          created_at: string
          created_by: string | null
          date_of_birth: string | null
          deleted_at: string | null
          email: string | null
          first_name: string
          guarantor_id: string | null
          id: string
          language: string
          last_name: string
          license_no: string | null
          npi: string | null
          phone: string | null
          preferred_name: string | null
          primary_dentist_id: string | null
          role_id: number
          sex: string | null
          specialty: string | null
          status: string
          timezone: string
          updated_at: string
          updated_by: string | null
          version: number
        }
        Insert: {
          address?: Json | null
          consent_ai_at?: string | null
          consent_privacy_at?: string | null
          consent_sms_at?: string | null
          consent_treatment_at?: string | null
          contact_method?: string
          created_at?: never
          created_by?: never
          date_of_birth?: string | null
          deleted_at?: never
          email?: string | null
          first_name: string
          guarantor_id?: string | null
          id?: string
          language?: string
          last_name: string
          license_no?: string | null
          npi?: string | null
          phone?: string | null
          preferred_name?: string | null
          primary_dentist_id?: string | null
          role_id?: number
          sex?: string | null
          specialty?: string | null
          status?: string
          timezone?: string
          updated_at?: never
          updated_by?: never
          version?: never
        }
        Update: {
          address?: Json | null
          consent_ai_at?: string | null
          consent_privacy_at?: string | null
          consent_sms_at?: string | null
          consent_treatment_at?: string | null
          contact_method?: string
          created_at?: never
          created_by?: never
          date_of_birth?: string | null
          deleted_at?: never
          email?: string | null
          first_name?: string
          guarantor_id?: string | null
          id?: string
          language?: string
          last_name?: string
          license_no?: string | null
          npi?: string | null
          phone?: string | null
          preferred_name?: string | null
          primary_dentist_id?: string | null
          role_id?: number
          sex?: string | null
          specialty?: string | null
          status?: string
          timezone?: string
          updated_at?: never
          updated_by?: never
          version?: never
        }
        Relationships: [
          {
            foreignKeyName: "user_guarantor_id_fkey"
            columns: ["guarantor_id"]
            isOneToOne: false
            referencedRelation: "dentist"
            referencedColumns: ["id"]
          },
          {
            foreignKeyName: "user_guarantor_id_fkey"
            columns: ["guarantor_id"]
            isOneToOne: false
            referencedRelation: "user"
            referencedColumns: ["id"]
          },
          {
            foreignKeyName: "user_primary_dentist_id_fkey"
            columns: ["primary_dentist_id"]
            isOneToOne: false
            referencedRelation: "dentist"
            referencedColumns: ["id"]
          },
          {
            foreignKeyName: "user_primary_dentist_id_fkey"
            columns: ["primary_dentist_id"]
            isOneToOne: false
            referencedRelation: "user"
            referencedColumns: ["id"]
          },
          {
            foreignKeyName: "user_role_id_fkey"
            columns: ["role_id"]
            isOneToOne: false
            referencedRelation: "role"
            referencedColumns: ["id"]
          },
        ]
      }
      waitlist: {
        Row: {
          appointment_id: string | null
          created_at: string
          created_by: string | null
          dentist_id: string | null
          earliest: string
          first_day: string
          id: string
          joined_at: string
          last_day: string
          latest: string
          patient_id: string
          service_ids: string[]
          status: string
          updated_at: string
          updated_by: string | null
          version: number
        }
        Insert: {
          appointment_id?: never
          created_at?: never
          created_by?: never
          dentist_id?: never
          earliest?: never
          first_day?: never
          id?: never
          joined_at?: never
          last_day?: never
          latest?: never
          patient_id?: never
          service_ids?: never
          status?: never
          updated_at?: never
          updated_by?: never
          version?: never
        }
        Update: {
          appointment_id?: never
          created_at?: never
          created_by?: never
          dentist_id?: never
          earliest?: never
          first_day?: never
          id?: never
          joined_at?: never
          last_day?: never
          latest?: never
          patient_id?: never
          service_ids?: never
          status?: never
          updated_at?: never
          updated_by?: never
          version?: never
        }
        Relationships: [
          {
            foreignKeyName: "waitlist_appointment_id_fkey"
            columns: ["appointment_id"]
            isOneToOne: true
            referencedRelation: "appointment"
            referencedColumns: ["id"]
          },
          {
            foreignKeyName: "waitlist_dentist_id_fkey"
            columns: ["dentist_id"]
            isOneToOne: false
            referencedRelation: "dentist"
            referencedColumns: ["id"]
          },
          {
            foreignKeyName: "waitlist_dentist_id_fkey"
            columns: ["dentist_id"]
            isOneToOne: false
            referencedRelation: "user"
            referencedColumns: ["id"]
          },
          {
            foreignKeyName: "waitlist_patient_id_fkey"
            columns: ["patient_id"]
            isOneToOne: false
            referencedRelation: "dentist"
            referencedColumns: ["id"]
          },
          {
            foreignKeyName: "waitlist_patient_id_fkey"
            columns: ["patient_id"]
            isOneToOne: false
            referencedRelation: "user"
            referencedColumns: ["id"]
          },
        ]
      }
    }
    Views: {
      dentist: {
        Row: {
          first_name: string | null
          id: string | null
          last_name: string | null
          preferred_name: string | null
          specialty: string | null
        }
        Relationships: []
      }
    }
    Functions: {
      acknowledge_alerts: {
        Args: { alert_ids: string[]; appointment_id: string }
        Returns: number
      }
      available_slots: {
        Args: {
          dentist_id?: string
          from?: string
          service_ids: string[]
          to?: string
        }
        Returns: Database["public"]["CompositeTypes"]["slot"][]
        SetofOptions: {
          from: "*"
          to: "slot"
          isOneToOne: false
          isSetofReturn: true
        }
      }
      book_appointment: {
        Args: {
          dentist_id?: string
          hold_id?: string
          hold_token?: string
          patient_id?: string
          reason?: string
          service_ids?: string[]
          starts_at?: string
        }
        Returns: Database["public"]["CompositeTypes"]["booking"]
        SetofOptions: {
          from: "*"
          to: "booking"
          isOneToOne: true
          isSetofReturn: false
        }
      }
      cancel_appointment: {
        Args: { appointment_id: string; reason?: string }
        Returns: {
          arrived_at: string | null
          assistant_id: string | null
          cancel_reason: string | null
          cancelled_at: string | null
          cancelled_by: string | null
          created_at: string
          created_by: string | null
          deleted_at: string | null
          dentist_id: string
          dismissed_at: string | null
          ends_at: string
          hold_expires_at: string | null
          id: string
          late_cancel: boolean
          notes: string | null
          patient_id: string | null
          priority: string
          reason: string | null
          reminder_sent_at: string | null
          rescheduled_from: string | null
          room: string | null
          seated_at: string | null
          source: string
          starts_at: string
          status: Database["public"]["Enums"]["appointment_status"]
          updated_at: string
          updated_by: string | null
          version: number
        }
        SetofOptions: {
          from: "*"
          to: "appointment"
          isOneToOne: true
          isSetofReturn: false
        }
      }
      check_in: {
        Args: { appointment_id: string }
        Returns: {
          arrived_at: string | null
          assistant_id: string | null
          cancel_reason: string | null
          cancelled_at: string | null
          cancelled_by: string | null
          created_at: string
          created_by: string | null
          deleted_at: string | null
          dentist_id: string
          dismissed_at: string | null
          ends_at: string
          hold_expires_at: string | null
          id: string
          late_cancel: boolean
          notes: string | null
          patient_id: string | null
          priority: string
          reason: string | null
          reminder_sent_at: string | null
          rescheduled_from: string | null
          room: string | null
          seated_at: string | null
          source: string
          starts_at: string
          status: Database["public"]["Enums"]["appointment_status"]
          updated_at: string
          updated_by: string | null
          version: number
        }
        SetofOptions: {
          from: "*"
          to: "appointment"
          isOneToOne: true
          isSetofReturn: false
        }
      }
      complete_visit: {
        Args: {
          acknowledged_alerts?: string[]
          appointment_id: string
          details?: Json
        }
        Returns: {
          arrived_at: string | null
          assistant_id: string | null
          cancel_reason: string | null
          cancelled_at: string | null
          cancelled_by: string | null
          created_at: string
          created_by: string | null
          deleted_at: string | null
          dentist_id: string
          dismissed_at: string | null
          ends_at: string
          hold_expires_at: string | null
          id: string
          late_cancel: boolean
          notes: string | null
          patient_id: string | null
          priority: string
          reason: string | null
          reminder_sent_at: string | null
          rescheduled_from: string | null
          room: string | null
          seated_at: string | null
          source: string
          starts_at: string
          status: Database["public"]["Enums"]["appointment_status"]
          updated_at: string
          updated_by: string | null
          version: number
        }
        SetofOptions: {
          from: "*"
          to: "appointment"
          isOneToOne: true
          isSetofReturn: false
        }
      }
      due_reminders: {
        Args: Record<PropertyKey, never>
        Returns: {
          arrived_at: string | null
          assistant_id: string | null
          cancel_reason: string | null
          cancelled_at: string | null
          cancelled_by: string | null
          created_at: string
          created_by: string | null
          deleted_at: string | null
          dentist_id: string
          dismissed_at: string | null
          ends_at: string
          hold_expires_at: string | null
          id: string
          late_cancel: boolean
          notes: string | null
          patient_id: string | null
          priority: string
          reason: string | null
          reminder_sent_at: string | null
          rescheduled_from: string | null
          room: string | null
          seated_at: string | null
          source: string
          starts_at: string
          status: Database["public"]["Enums"]["appointment_status"]
          updated_at: string
          updated_by: string | null
          version: number
        }[]
        SetofOptions: {
          from: "*"
          to: "appointment"
          isOneToOne: false
          isSetofReturn: true
        }
      }
      expiry_list: {
        Args: { days?: number }
        Returns: {
          days_left: number
          expired: boolean
          expires_on: string
          id: string
          location: string
          lot_no: string
          name: string
          on_hand: number
          sku: string
          status: string
          unit: string
        }[]
      }
      hold_appointment: {
        Args: { dentist_id: string; service_ids: string[]; starts_at: string }
        Returns: Json
      }
      issue_draft_invoice: {
        Args: { invoice_id: string }
        Returns: {
          appointment_id: string | null
          balance: number | null
          created_at: string
          created_by: string | null
          currency: string
          discount: number
          due_on: string | null
          guarantor_id: string | null
          id: string
          insurance_estimate: number
          insurance_id: string | null
          insurance_paid: number
          invoice_no: string | null
          issued_at: string | null
          notes: string | null
          paid: number
          patient_id: string
          status: Database["public"]["Enums"]["invoice_status"]
          subtotal: number
          tax: number
          total: number | null
          updated_at: string
          updated_by: string | null
          version: number
          void_reason: string | null
          voided_at: string | null
          write_off: number
        }
        SetofOptions: {
          from: "*"
          to: "invoices"
          isOneToOne: true
          isSetofReturn: false
        }
      }
      issue_invoice: {
        Args: { appointment_id: string }
        Returns: {
          appointment_id: string | null
          balance: number | null
          created_at: string
          created_by: string | null
          currency: string
          discount: number
          due_on: string | null
          guarantor_id: string | null
          id: string
          insurance_estimate: number
          insurance_id: string | null
          insurance_paid: number
          invoice_no: string | null
          issued_at: string | null
          notes: string | null
          paid: number
          patient_id: string
          status: Database["public"]["Enums"]["invoice_status"]
          subtotal: number
          tax: number
          total: number | null
          updated_at: string
          updated_by: string | null
          version: number
          void_reason: string | null
          voided_at: string | null
          write_off: number
        }
        SetofOptions: {
          from: "*"
          to: "invoices"
          isOneToOne: true
          isSetofReturn: false
        }
      }
      join_waitlist: {
        Args: {
          dentist_id?: string
          earliest?: string
          first_day?: string
          last_day?: string
          latest?: string
          patient_id?: string
          service_ids: string[]
        }
        Returns: {
          appointment_id: string | null
          created_at: string
          created_by: string | null
          dentist_id: string | null
          earliest: string
          first_day: string
          id: string
          joined_at: string
          last_day: string
          latest: string
          patient_id: string
          service_ids: string[]
          status: string
          updated_at: string
          updated_by: string | null
          version: number
        }
        SetofOptions: {
          from: "*"
          to: "waitlist"
          isOneToOne: true
          isSetofReturn: false
        }
      }
      leave_waitlist: {
        Args: { waitlist_id: string }
        Returns: {
          appointment_id: string | null
          created_at: string
          created_by: string | null
          dentist_id: string | null
          earliest: string
          first_day: string
          id: string
          joined_at: string
          last_day: string
          latest: string
          patient_id: string
          service_ids: string[]
          status: string
          updated_at: string
          updated_by: string | null
          version: number
        }
        SetofOptions: {
          from: "*"
          to: "waitlist"
          isOneToOne: true
          isSetofReturn: false
        }
      }
      move_stock: {
        Args: {
          inventory_id?: string
          location?: string
          quantity: number
          reason: string
          sku?: string
          to_location?: string
          treatment_id?: string
        }
        Returns: {
          barcode: string | null
          catalog_no: string | null
          category: string
          created_at: string
          deleted_at: string | null
          discard_reason: string | null
          expires_on: string | null
          id: string
          last_counted_at: string | null
          location: string
          lot_no: string
          manufacturer: string | null
          name: string
          on_hand: number
          on_order: number
          reorder_level: number
          reorder_target: number | null
          sku: string
          status: string
          supplier: string | null
          unit: string
          unit_cost: number | null
          updated_at: string
          updated_by: string | null
          version: number
        }[]
        SetofOptions: {
          from: "*"
          to: "inventory"
          isOneToOne: false
          isSetofReturn: true
        }
      }
      patients_by_lot: {
        Args: { lot_no: string; sku?: string }
        Returns: {
          article: string
          email: string
          first_name: string
          last_name: string
          patient_id: string
          phone: string
          quantity: number
          treatment_id: string
          used_at: string
        }[]
      }
      record_payment: {
        Args: {
          amount: number
          external_id?: string
          invoice_id: string
          kind?: Database["public"]["Enums"]["payment_kind"]
          method: string
          notes?: string
          provider?: string
          status?: Database["public"]["Enums"]["payment_status"]
        }
        Returns: {
          amount: number
          created_at: string
          created_by: string | null
          currency: string
          external_id: string | null
          id: string
          invoice_id: string
          kind: Database["public"]["Enums"]["payment_kind"]
          method: string
          notes: string | null
          paid_at: string | null
          patient_id: string
          provider: string | null
          receipt_no: string | null
          received_by: string | null
          refund_of: string | null
          status: Database["public"]["Enums"]["payment_status"]
          updated_at: string
          updated_by: string | null
          version: number
        }
        SetofOptions: {
          from: "*"
          to: "payment"
          isOneToOne: true
          isSetofReturn: false
        }
      }
      refund_payment: {
        Args: {
          amount?: number
          method?: string
          notes?: string
          payment_id: string
        }
        Returns: {
          amount: number
          created_at: string
          created_by: string | null
          currency: string
          external_id: string | null
          id: string
          invoice_id: string
          kind: Database["public"]["Enums"]["payment_kind"]
          method: string
          notes: string | null
          paid_at: string | null
          patient_id: string
          provider: string | null
          receipt_no: string | null
          received_by: string | null
          refund_of: string | null
          status: Database["public"]["Enums"]["payment_status"]
          updated_at: string
          updated_by: string | null
          version: number
        }
        SetofOptions: {
          from: "*"
          to: "payment"
          isOneToOne: true
          isSetofReturn: false
        }
      }
      reorder_list: {
        Args: Record<PropertyKey, never>
        Returns: {
          catalog_no: string
          name: string
          on_order: number
          order_quantity: number
          reorder_level: number
          reorder_target: number
          sku: string
          supplier: string
          unit: string
          usable: number
        }[]
      }
      reschedule_appointment: {
        Args: {
          appointment_id: string
          dentist_id?: string
          reason?: string
          starts_at: string
        }
        Returns: {
          arrived_at: string | null
          assistant_id: string | null
          cancel_reason: string | null
          cancelled_at: string | null
          cancelled_by: string | null
          created_at: string
          created_by: string | null
          deleted_at: string | null
          dentist_id: string
          dismissed_at: string | null
          ends_at: string
          hold_expires_at: string | null
          id: string
          late_cancel: boolean
          notes: string | null
          patient_id: string | null
          priority: string
          reason: string | null
          reminder_sent_at: string | null
          rescheduled_from: string | null
          room: string | null
          seated_at: string | null
          source: string
          starts_at: string
          status: Database["public"]["Enums"]["appointment_status"]
          updated_at: string
          updated_by: string | null
          version: number
        }
        SetofOptions: {
          from: "*"
          to: "appointment"
          isOneToOne: true
          isSetofReturn: false
        }
      }
      search_knowledge: {
        Args: {
          filter?: Json
          ids?: string[]
          in_category?: string
          in_language?: string
          k?: number
          query: string
          related?: string[]
        }
        Returns: {
          audience: string
          category: string
          content: string
          document_slug: string
          heading: string
          id: string
          language: string
          score: number
          strength: number
          title: string
          updated_at: string
        }[]
      }
      seat: {
        Args: { appointment_id: string; room?: string }
        Returns: {
          arrived_at: string | null
          assistant_id: string | null
          cancel_reason: string | null
          cancelled_at: string | null
          cancelled_by: string | null
          created_at: string
          created_by: string | null
          deleted_at: string | null
          dentist_id: string
          dismissed_at: string | null
          ends_at: string
          hold_expires_at: string | null
          id: string
          late_cancel: boolean
          notes: string | null
          patient_id: string | null
          priority: string
          reason: string | null
          reminder_sent_at: string | null
          rescheduled_from: string | null
          room: string | null
          seated_at: string | null
          source: string
          starts_at: string
          status: Database["public"]["Enums"]["appointment_status"]
          updated_at: string
          updated_by: string | null
          version: number
        }
        SetofOptions: {
          from: "*"
          to: "appointment"
          isOneToOne: true
          isSetofReturn: false
        }
      }
      set_clinic_settings: {
        Args: { settings: Json }
        Returns: {
          booking_horizon_days: number
          booking_lead_minutes: number
          cancellation_window_hours: number
          closures: NonNullable<Json>
          created_at: string
          currency: string
          emergency_number: string
          emergency_text: string
          grid_minutes: number
          hold_minutes: number
          id: number
          max_anonymous_holds: number
          max_open_requests: number
          name: string
          opening_hours: NonNullable<Json>
          payment_term_days: number
          phone: string | null
          reminder_lead_hours: number
          slot_step_minutes: number
          time_zone: string
          updated_at: string
          updated_by: string | null
          urgent_text: string
          version: number
          waitlist_offer_minutes: number
        }
        SetofOptions: {
          from: "*"
          to: "clinic_settings"
          isOneToOne: true
          isSetofReturn: false
        }
      }
      set_provider_hours: {
        Args: { dentist_id: string; hours: Json }
        Returns: {
          created_at: string
          dentist_id: string
          ends: string
          id: string
          starts: string
          updated_at: string
          updated_by: string | null
          valid_from: string
          valid_to: string | null
          version: number
          weekday: number
        }[]
        SetofOptions: {
          from: "*"
          to: "provider_hours"
          isOneToOne: false
          isSetofReturn: true
        }
      }
      settle_payment: {
        Args: {
          external_id?: string
          payment_id: string
          provider?: string
          status: Database["public"]["Enums"]["payment_status"]
        }
        Returns: {
          amount: number
          created_at: string
          created_by: string | null
          currency: string
          external_id: string | null
          id: string
          invoice_id: string
          kind: Database["public"]["Enums"]["payment_kind"]
          method: string
          notes: string | null
          paid_at: string | null
          patient_id: string
          provider: string | null
          receipt_no: string | null
          received_by: string | null
          refund_of: string | null
          status: Database["public"]["Enums"]["payment_status"]
          updated_at: string
          updated_by: string | null
          version: number
        }
        SetofOptions: {
          from: "*"
          to: "payment"
          isOneToOne: true
          isSetofReturn: false
        }
      }
      statement_of_account: {
        Args: {
          currency?: string
          from?: string
          patient_id?: string
          to?: string
        }
        Returns: Json
      }
      visit_alerts: {
        Args: { appointment_id: string }
        Returns: {
          acknowledged_at: string
          acknowledged_by: string
          alert_id: string
          kind: Database["public"]["Enums"]["medical_history_kind"]
          premedication: boolean
          reaction: string
          reviewed: boolean
          severity: string
          title: string
        }[]
      }
      void_invoice: {
        Args: { invoice_id: string; reason: string }
        Returns: {
          appointment_id: string | null
          balance: number | null
          created_at: string
          created_by: string | null
          currency: string
          discount: number
          due_on: string | null
          guarantor_id: string | null
          id: string
          insurance_estimate: number
          insurance_id: string | null
          insurance_paid: number
          invoice_no: string | null
          issued_at: string | null
          notes: string | null
          paid: number
          patient_id: string
          status: Database["public"]["Enums"]["invoice_status"]
          subtotal: number
          tax: number
          total: number | null
          updated_at: string
          updated_by: string | null
          version: number
          void_reason: string | null
          voided_at: string | null
          write_off: number
        }
        SetofOptions: {
          from: "*"
          to: "invoices"
          isOneToOne: true
          isSetofReturn: false
        }
      }
    }
    Enums: {
      appointment_status:
        | "held"
        | "requested"
        | "scheduled"
        | "confirmed"
        | "arrived"
        | "in_chair"
        | "completed"
        | "cancelled"
        | "no_show"
        | "rescheduled"
      invoice_status:
        | "draft"
        | "issued"
        | "partially_paid"
        | "paid"
        | "void"
        | "written_off"
      medical_history_kind:
        | "allergy"
        | "condition"
        | "medication"
        | "surgery"
        | "family_history"
        | "social"
        | "alert"
      payment_kind:
        | "payment"
        | "refund"
        | "insurance"
        | "adjustment"
        | "write_off"
      payment_status:
        | "pending"
        | "authorized"
        | "succeeded"
        | "failed"
        | "voided"
      treatment_area:
        | "none"
        | "surface"
        | "tooth"
        | "mouth"
        | "quadrant"
        | "sextant"
        | "arch"
        | "tooth_range"
      treatment_status:
        | "planned"
        | "accepted"
        | "in_progress"
        | "completed"
        | "existing_current"
        | "existing_other"
        | "referred"
        | "condition"
        | "declined"
        | "entered_in_error"
    }
    CompositeTypes: {
      booking: {
        id: string | null
        patient_id: string | null
        dentist_id: string | null
        assistant_id: string | null
        room: string | null
        starts_at: string | null
        ends_at: string | null
        status: Database["public"]["Enums"]["appointment_status"] | null
        hold_expires_at: string | null
        priority: string | null
        source: string | null
        reason: unknown
        notes: unknown
        arrived_at: string | null
        seated_at: string | null
        dismissed_at: string | null
        cancelled_at: string | null
        cancelled_by: string | null
        cancel_reason: unknown
        late_cancel: boolean | null
        rescheduled_from: string | null
        reminder_sent_at: string | null
        version: number | null
        created_at: string | null
        updated_at: string | null
        created_by: string | null
        updated_by: string | null
        deleted_at: string | null
        alert_count: number | null
        alerts: Json | null
      }
      slot: {
        dentist_id: string | null
        starts_at: string | null
        ends_at: string | null
        time_zone: string | null
      }
    }
  }
}

type DatabaseWithoutInternals = Omit<Database, "__InternalSupabase">

type DefaultSchema = DatabaseWithoutInternals[Extract<keyof Database, "public">]

export type Tables<
  DefaultSchemaTableNameOrOptions extends
    | keyof (DefaultSchema["Tables"] & DefaultSchema["Views"])
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends (DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof (DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"] &
        DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Views"])
    : never) = never,
> = DefaultSchemaTableNameOrOptions extends {
  schema: keyof DatabaseWithoutInternals
}
  ? (DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"] &
      DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Views"])[TableName] extends {
      Row: infer R
    }
    ? R
    : never
  : DefaultSchemaTableNameOrOptions extends keyof (DefaultSchema["Tables"] &
        DefaultSchema["Views"])
    ? (DefaultSchema["Tables"] &
        DefaultSchema["Views"])[DefaultSchemaTableNameOrOptions] extends {
        Row: infer R
      }
      ? R
      : never
    : never

export type TablesInsert<
  DefaultSchemaTableNameOrOptions extends
    | keyof DefaultSchema["Tables"]
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends (DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
    : never) = never,
> = DefaultSchemaTableNameOrOptions extends {
  schema: keyof DatabaseWithoutInternals
}
  ? DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"][TableName] extends {
      Insert: infer I
    }
    ? I
    : never
  : DefaultSchemaTableNameOrOptions extends keyof DefaultSchema["Tables"]
    ? DefaultSchema["Tables"][DefaultSchemaTableNameOrOptions] extends {
        Insert: infer I
      }
      ? I
      : never
    : never

export type TablesUpdate<
  DefaultSchemaTableNameOrOptions extends
    | keyof DefaultSchema["Tables"]
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends (DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
    : never) = never,
> = DefaultSchemaTableNameOrOptions extends {
  schema: keyof DatabaseWithoutInternals
}
  ? DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"][TableName] extends {
      Update: infer U
    }
    ? U
    : never
  : DefaultSchemaTableNameOrOptions extends keyof DefaultSchema["Tables"]
    ? DefaultSchema["Tables"][DefaultSchemaTableNameOrOptions] extends {
        Update: infer U
      }
      ? U
      : never
    : never

export type Enums<
  DefaultSchemaEnumNameOrOptions extends
    | keyof DefaultSchema["Enums"]
    | { schema: keyof DatabaseWithoutInternals },
  EnumName extends (DefaultSchemaEnumNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaEnumNameOrOptions["schema"]]["Enums"]
    : never) = never,
> = DefaultSchemaEnumNameOrOptions extends {
  schema: keyof DatabaseWithoutInternals
}
  ? DatabaseWithoutInternals[DefaultSchemaEnumNameOrOptions["schema"]]["Enums"][EnumName]
  : DefaultSchemaEnumNameOrOptions extends keyof DefaultSchema["Enums"]
    ? DefaultSchema["Enums"][DefaultSchemaEnumNameOrOptions]
    : never

export type CompositeTypes<
  PublicCompositeTypeNameOrOptions extends
    | keyof DefaultSchema["CompositeTypes"]
    | { schema: keyof DatabaseWithoutInternals },
  CompositeTypeName extends (PublicCompositeTypeNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[PublicCompositeTypeNameOrOptions["schema"]]["CompositeTypes"]
    : never) = never,
> = PublicCompositeTypeNameOrOptions extends {
  schema: keyof DatabaseWithoutInternals
}
  ? DatabaseWithoutInternals[PublicCompositeTypeNameOrOptions["schema"]]["CompositeTypes"][CompositeTypeName]
  : PublicCompositeTypeNameOrOptions extends keyof DefaultSchema["CompositeTypes"]
    ? DefaultSchema["CompositeTypes"][PublicCompositeTypeNameOrOptions]
    : never

export const Constants = {
  public: {
    Enums: {
      appointment_status: [
        "held",
        "requested",
        "scheduled",
        "confirmed",
        "arrived",
        "in_chair",
        "completed",
        "cancelled",
        "no_show",
        "rescheduled",
      ],
      invoice_status: [
        "draft",
        "issued",
        "partially_paid",
        "paid",
        "void",
        "written_off",
      ],
      medical_history_kind: [
        "allergy",
        "condition",
        "medication",
        "surgery",
        "family_history",
        "social",
        "alert",
      ],
      payment_kind: [
        "payment",
        "refund",
        "insurance",
        "adjustment",
        "write_off",
      ],
      payment_status: [
        "pending",
        "authorized",
        "succeeded",
        "failed",
        "voided",
      ],
      treatment_area: [
        "none",
        "surface",
        "tooth",
        "mouth",
        "quadrant",
        "sextant",
        "arch",
        "tooth_range",
      ],
      treatment_status: [
        "planned",
        "accepted",
        "in_progress",
        "completed",
        "existing_current",
        "existing_other",
        "referred",
        "condition",
        "declined",
        "entered_in_error",
      ],
    },
  },
} as const
